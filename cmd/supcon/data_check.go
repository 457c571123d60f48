package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"supcon/pkg/dataset"
	"supcon/pkg/fault"
	"supcon/pkg/model"
)

// imagesOptions are what the commands that only look at images have in common.
type imagesOptions struct {
	workers, maxPixels int
	json               bool
}

func (o *imagesOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&o.workers, "workers", 0, "image workers; 0 = all cores")
	cmd.Flags().IntVar(&o.maxPixels, "max-pixels", dataset.MaxPixels, "refuse a picture of more pixels than this before decoding it")
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object")
}

// open indexes a folder with its classes if it has any, a manifest or an archive.
func (o *imagesOptions) open(path string) (*dataset.Set, error) {
	if o.workers < 0 || o.maxPixels < 1 {
		return nil, fault.Usage.Errorf("data: --workers is %d and --max-pixels %d; give at least 0 and 1", o.workers, o.maxPixels)
	}
	o.workers = cmp.Or(o.workers, runtime.GOMAXPROCS(0))
	set, err := dataset.Open(path, dataset.Options{Stray: true})
	if err != nil {
		return nil, err
	}
	set.MaxPixels = o.maxPixels
	return set, nil
}

// classCount is a class with the number of its images.
type classCount struct {
	Name   string `json:"name"`
	Images int    `json:"images"`
}

func classCounts(set *dataset.Set) []classCount {
	counts := []classCount{} // not null in JSON
	for label, n := range set.ClassCounts() {
		counts = append(counts, classCount{set.Classes[label], n})
	}
	return counts
}

// describeClasses lists a few classes and sums many up.
func describeClasses(counts []classCount, all bool) string {
	if len(counts) == 0 {
		return "none: the images lie in no class folders and have no labels"
	}
	const few = 12
	if len(counts) <= few || all {
		var parts []string
		for _, c := range counts {
			parts = append(parts, fmt.Sprintf("%s %d", c.Name, c.Images))
		}
		return fmt.Sprintf("%d: %s", len(counts), strings.Join(parts, ", "))
	}
	bySize := func(a, b classCount) int { return cmp.Compare(a.Images, b.Images) }
	least, most := slices.MinFunc(counts, bySize), slices.MaxFunc(counts, bySize)
	return fmt.Sprintf("%d, of %d (%s) to %d (%s) images", len(counts), least.Images, least.Name, most.Images, most.Name)
}

// checkResult is what `data check --json` prints.
type checkResult struct {
	Data              string            `json:"data"`
	Images            int               `json:"images"`
	NotImages         int               `json:"not_images"`
	Classes           []classCount      `json:"classes"`
	Broken            []dataset.Finding `json:"broken"`
	Duplicates        [][]string        `json:"duplicates"`
	MixedDuplicates   int               `json:"duplicates_across_classes"`
	Tiny              []dataset.Finding `json:"tiny"`
	Extreme           []dataset.Finding `json:"extreme"`
	MedianShorterSide int               `json:"median_shorter_side"`
	ImageSize         int               `json:"image_size"`
	Stem              string            `json:"stem"`
}

func newDataCheck(ui *ui) *cobra.Command {
	var o imagesOptions
	cmd := &cobra.Command{
		Use:   "check DIR",
		Short: "Find broken, duplicate, tiny and extreme images",
		Long: `Decodes every image of a folder, a CSV manifest or a tar archive, and lists those that
cannot be read, that are the same byte for byte, that have a shorter side under 16
pixels, or that are more than four times as long as wide; counts the classes, and says
which image size and stem suit the pictures. Exit code 3 when an image is broken.`,
		Example: `  supcon data check photos
  supcon data check photos.tar --json`,
		Args: exactlyOne("a folder, a manifest or an archive"),
		RunE: func(cmd *cobra.Command, args []string) error { return runDataCheck(cmd.Context(), ui, o, args[0]) },
	}
	o.addFlags(cmd)
	return cmd
}

func runDataCheck(ctx context.Context, ui *ui, o imagesOptions, path string) error {
	set, err := o.open(path)
	if err != nil {
		return err
	}
	report, err := dataset.Check(ctx, set, o.workers)
	if err != nil {
		return err
	}
	r := newCheckResult(path, set, report)
	if o.json {
		err = ui.printJSON(r)
	} else {
		r.print(ui, set)
	}
	if broken := len(r.Broken); err == nil && broken > 0 {
		err = fault.Data.Errorf("data check: %d of the %d images of %s are broken; training would skip them (--on-bad-image)", broken, r.Images, path)
	}
	return err
}

func newCheckResult(path string, set *dataset.Set, report *dataset.Report) checkResult {
	r := checkResult{
		Data: path, Images: report.Images, NotImages: set.NotImages, Classes: classCounts(set),
		Broken: orEmpty(report.Broken), Duplicates: [][]string{}, Tiny: orEmpty(report.Tiny), Extreme: orEmpty(report.Extreme),
		MedianShorterSide: report.MedianShorterSide, ImageSize: report.ImageSize,
	}
	if report.ImageSize > 0 {
		r.Stem = model.Spec{Name: "resnet18"}.ForImages(report.ImageSize).Stem
	}
	for _, group := range report.Duplicates {
		var paths []string
		labels := map[int]bool{}
		for _, i := range group {
			paths = append(paths, set.Items[i].Path)
			labels[set.Items[i].Label] = true
		}
		delete(labels, -1)
		r.Duplicates = append(r.Duplicates, paths)
		if len(labels) > 1 {
			r.MixedDuplicates++
		}
	}
	return r
}

// orEmpty makes no findings a list in JSON as well.
func orEmpty(findings []dataset.Finding) []dataset.Finding {
	return append([]dataset.Finding{}, findings...)
}

func (r checkResult) print(ui *ui, set *dataset.Set) {
	for _, n := range set.Notes {
		ui.note("note: %s", n)
	}
	ui.row("images", "%d in %s", r.Images, r.Data)
	ui.row("classes", "%s", describeClasses(r.Classes, ui.verbose))
	if r.NotImages > 0 {
		ui.row("other files", "%d, e.g. %s", r.NotImages, set.NotImageExamples[0])
	}
	r.printFindings(ui, "broken", "", r.Broken)
	groups := make([]dataset.Finding, len(r.Duplicates))
	for i, paths := range r.Duplicates {
		groups[i] = dataset.Finding{Path: strings.Join(paths, " = ")}
	}
	note := "images that are there more than once"
	if r.MixedDuplicates > 0 {
		note += fmt.Sprintf(", %d of them under different labels", r.MixedDuplicates)
	}
	r.printFindings(ui, "duplicates", note, groups)
	r.printFindings(ui, "tiny", "with a shorter side under 16 pixels", r.Tiny)
	r.printFindings(ui, "extreme", "more than four times as long as wide", r.Extreme)
	if r.ImageSize > 0 {
		ui.row("suggestion", "image size %d and the %s stem, which train takes by itself: the median shorter side is %d pixels", r.ImageSize, r.Stem, r.MedianShorterSide)
	}
}

// printFindings prints a row with the number of findings and a line for each, or
// for the first few unless more detail was asked for.
func (checkResult) printFindings(ui *ui, name, note string, findings []dataset.Finding) {
	if len(findings) == 0 {
		ui.row(name, "none")
		return
	}
	ui.row(name, "%s", strings.TrimSpace(fmt.Sprintf("%d %s", len(findings), note)))
	const shown = 10
	for i, f := range findings {
		if i == shown && !ui.verbose {
			ui.row("", "%d more (--verbose or --json lists all)", len(findings)-shown)
			return
		}
		ui.row("", "%s", strings.TrimSuffix(f.Path+": "+f.Reason, ": "))
	}
}
