package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"supcon/pkg/fault"
)

// pageName is the page that render makes; a plot lies beside it for each axis.
const pageName = "RESULTS.md"

const pageHead = `# Results

<!-- Made by "go run ./scripts/study render" of results.jsonl and configs/study; not for editing. -->

Means and standard deviations over seeds, in percent of the test pictures, of encoders whose features are frozen: a
linear probe fitted to the training pictures, and nearest neighbours among them. "go run ./scripts/study run" does
the runs; [results.jsonl](results.jsonl) has every one's command, commit, seed and times.
`

// render returns the page and its plots by file name, nothing without results.
// A result that no study asks for is a data error: it would never be seen.
func render(studies []study, results []result) (map[string][]byte, error) {
	if len(results) == 0 {
		return map[string][]byte{}, nil
	}
	byKey := map[string]result{}
	for _, r := range results {
		byKey[r.key()] = r
	}
	var page strings.Builder
	page.WriteString(pageHead)
	files, asked := map[string][]byte{}, map[string]bool{}
	for i := range studies {
		s := section{study: &studies[i], ours: gather(&studies[i], sideOurs, byKey, asked)}
		if s.Peer {
			s.peer = gather(s.study, sidePeer, byKey, asked)
		}
		if s.count() == 0 {
			continue
		}
		page.WriteString(s.text())
		if !s.Peer {
			plot, err := s.plot()
			if err != nil {
				return nil, err
			}
			files[s.name+".svg"] = plot
		}
	}
	for i, r := range results {
		if !asked[r.key()] {
			return nil, fault.Data.Errorf("result %d, line %d of the file, is of a run that no study asks for (any more); remove the line, or restore the study: %s", i+1, i+1, r.key())
		}
	}
	files[pageName] = []byte(page.String())
	return files, nil
}

// sample is the results of one variant on one side, seed by seed.
type sample []result

// gather looks the results of a side up, one sample a variant, and notes in
// asked what it looked for.
func gather(s *study, side string, byKey map[string]result, asked map[string]bool) []sample {
	samples := make([]sample, len(s.variants))
	for i, j := range s.jobs(side) {
		asked[j.key()] = true
		if r, ok := byKey[j.key()]; ok {
			v := i % len(s.variants)
			samples[v] = append(samples[v], r)
		}
	}
	return samples
}

// section is what the page says of one study.
type section struct {
	*study
	ours, peer []sample
}

// all lists the results of the section.
func (s section) all() []result { return slices.Concat(slices.Concat(s.ours, s.peer)...) }

func (s section) count() int { return len(s.all()) }

func (s section) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n%s\n", s.Title, strings.TrimSpace(s.About))
	if s.ViewsSeen > 0 {
		fmt.Fprintf(&b, "Every run sees %s views, whatever its batch and its number of views.\n", thousands(s.ViewsSeen))
	}
	b.WriteString("\n")
	if s.Peer {
		s.compare(&b)
	} else {
		s.table(&b)
		fmt.Fprintf(&b, "\n![%s](%s.svg)\n", s.Title, s.name)
	}
	fmt.Fprintf(&b, "\n%s\n", s.origin())
	return b.String()
}

// origin says where the figures of a section come from.
func (s section) origin() string {
	images, commits, machines, total := map[string]bool{}, map[string]bool{}, map[string]bool{}, 0.0
	for _, r := range s.all() {
		images[fmt.Sprintf("%s %s training and %s test pictures", thousands(r.Images), r.Format, thousands(r.TestImages))] = true
		commits[r.Commit] = true
		machines[fmt.Sprintf("%s, %d threads", r.Branch, r.Threads)] = true
		total += r.WallS
	}
	list := func(set map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(set)), "; ") }
	return fmt.Sprintf("%d of %d runs, %s in all; %s; %s; commit %s; `configs/study/%s.yaml`.",
		s.count(), s.runs(), time.Duration(total*float64(time.Second)).Round(time.Second), list(images), list(machines), list(commits), s.name)
}

// runs is how many results a whole section has.
func (s section) runs() int { return s.Seeds * (len(s.ours) + len(s.peer)) }

// thousands writes 10000 as 10,000.
func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// writePage writes what render makes of the results into dir.
func writePage(dir, results string, studies []study) error {
	list, err := readResults(results)
	if err != nil {
		return err
	}
	files, err := render(studies, list)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fault.Data.Errorf("%s holds no results yet; make some with `go run ./scripts/study run`", results)
	}
	for name, text := range files {
		if err := writeFile(filepath.Join(dir, name), text); err != nil {
			return err
		}
	}
	return nil
}
