package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/pflag"

	"supcon/pkg/config"
	"supcon/pkg/fault"
)

// study is one description: settings that all its runs share, and what each
// changes.
type study struct {
	name string // of the file, without .yaml

	Title     string          `yaml:"title"`
	About     string          `yaml:"about"`
	Base      string          `yaml:"base"`       // configuration file, seen from the study's folder
	Subset    int             `yaml:"images"`     // training images, drawn stratified by class; 0 = all
	ViewsSeen int             `yaml:"views_seen"` // length of every run in views, whatever its batch; 0 = as the settings say
	Seeds     int             `yaml:"seeds"`      // each run is done with the seeds 1 to Seeds
	Peer      bool            `yaml:"peer"`       // the peer does the same runs
	Runs      []yaml.MapSlice `yaml:"runs"`       // settings over the base's

	variants []variant
}

// variant is one of a study's runs, for any seed.
type variant struct {
	given    yaml.MapSlice
	flags    []string          // over the base: --loss=simclr …
	settings map[string]string // every setting that base or study gives
	cfg      config.Run
}

// label names the variant by what it changes.
func (v variant) label() string {
	var parts []string
	for _, item := range v.given {
		parts = append(parts, fmt.Sprintf("%v %v", item.Key, item.Value))
	}
	return strings.Join(parts, ", ")
}

// loadStudies reads the descriptions, at least one.
func loadStudies(paths []string) ([]study, error) {
	if len(paths) == 0 {
		return nil, fault.Usage.Errorf("no study is named; give one or more of configs/study/*.yaml")
	}
	var studies []study
	for _, path := range paths {
		s, err := loadStudy(path)
		if err != nil {
			return nil, fault.Usage.Errorf("%s: %w", path, err)
		}
		studies = append(studies, s)
	}
	return studies, nil
}

func loadStudy(path string) (study, error) {
	s := study{name: strings.TrimSuffix(filepath.Base(path), ".yaml")}
	text, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	if err := yaml.UnmarshalWithOptions(text, &s, yaml.Strict()); err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n") // the rest is an excerpt
		return s, fmt.Errorf("%s", first)
	}
	if s.Title == "" || s.Base == "" || s.Seeds < 1 || len(s.Runs) == 0 || s.Subset < 0 || s.ViewsSeen < 0 {
		return s, fmt.Errorf("a study needs title, base, seeds (1 or more) and runs; images and views_seen are 0 or more")
	}
	s.Base = filepath.Join(filepath.Dir(path), s.Base)
	for _, given := range s.Runs {
		v, err := s.settle(given)
		if err != nil {
			return s, err
		}
		s.variants = append(s.variants, v)
	}
	return s, nil
}

// ownKeys are the settings that are the runner's to give.
var ownKeys = []string{"data", "seed", "threads", "workers"}

// settle turns what a run changes into flags of `supcon train` and into the
// settings they come to, as the program itself takes them.
func (s *study) settle(given yaml.MapSlice) (variant, error) {
	v := variant{given: given}
	keys, err := config.Load(s.Base, &v.cfg)
	if err != nil {
		return v, err
	}
	for _, item := range given {
		key := fmt.Sprint(item.Key)
		keys = append(keys, key)
		v.flags = append(v.flags, fmt.Sprintf("--%s=%v", flagOf(key), item.Value))
	}
	flags := pflag.NewFlagSet(s.name, pflag.ContinueOnError)
	config.AddFlags(flags, &v.cfg)
	if err := flags.Parse(v.flags); err != nil {
		return v, err
	}
	if err := config.FromCommandLine(flags, s.Base, &v.cfg); err != nil {
		return v, err
	}
	if s.ViewsSeen > 0 {
		if v.cfg.Steps, err = s.steps(v.cfg); err != nil {
			return v, err
		}
		keys = append(keys, "steps")
		v.flags = append(v.flags, fmt.Sprintf("--steps=%d", v.cfg.Steps))
	}
	v.settings = map[string]string{}
	for _, key := range keys {
		if slices.Contains(ownKeys, key) {
			return v, fmt.Errorf("%s is not for a study to set", key)
		}
		v.settings[key] = flags.Lookup(flagOf(key)).Value.String()
	}
	return v, v.check(s)
}

func flagOf(key string) string { return strings.ReplaceAll(key, "_", "-") }

// steps is how many of a configuration's steps see ViewsSeen views.
func (s *study) steps(cfg config.Run) (int, error) {
	rows := max(1, cfg.BatchSize*cfg.Views)
	if s.ViewsSeen%rows != 0 {
		return 0, fmt.Errorf("views_seen is %d, no multiple of a batch of %d images in %d views; budgets would differ", s.ViewsSeen, cfg.BatchSize, cfg.Views)
	}
	return s.ViewsSeen / rows, nil
}

func (v *variant) check(s *study) error {
	cfg := v.cfg
	cfg.Data = "train" // the runner gives it
	if err := cfg.Validate(); err != nil {
		return err
	}
	if s.Peer {
		return checkPeer(s, cfg)
	}
	return nil
}

// job is one run of one side.
type job struct {
	identity
	study   *study
	variant variant
	name    string // of its run directory
}

// jobs lists the runs of a side, seed by seed, so that an interrupted study has
// something of every variant.
func (s *study) jobs(side string) []job {
	var list []job
	for seed := range uint64(s.Seeds) {
		for i, v := range s.variants {
			list = append(list, job{
				identity: identity{Side: side, Settings: v.settings, Subset: s.Subset, Seed: seed + 1},
				study:    s, variant: v, name: fmt.Sprintf("%s-%d-seed-%d", s.name, i+1, seed+1),
			})
		}
	}
	return list
}
