package train

import (
	"context"
	"time"

	"supcon/pkg/augment"
	"supcon/pkg/dataset"
	"supcon/pkg/loader"
)

// PipelineSpeed is the speed of the data side alone, with nothing else running.
type PipelineSpeed struct {
	// ViewsPerS is from files: every image is read and decoded.
	ViewsPerS float64 `json:"views_per_s"`
	// CachedViewsPerS is from decoded images in memory, as all epochs but the
	// first have them where the cache holds the set.
	CachedViewsPerS float64 `json:"cached_views_per_s"`
}

const (
	// pipelineTime is the least time a speed is measured over.
	pipelineTime = time.Second
	// pipelineImages bounds how many images are decoded before the cache's speed
	// is measured.
	pipelineImages = 1024
)

// MeasurePipeline makes at least l.Steps batches of views of the images at data,
// by the reference recipe (cifar) at any size, from files and from the cache.
func MeasurePipeline(ctx context.Context, data string, l Load) (PipelineSpeed, error) {
	set, err := dataset.Open(data, dataset.Options{Unlabelled: true})
	if err != nil {
		return PipelineSpeed{}, err
	}
	files, err := pipelineSpeed(ctx, set, l, -1)
	if err != nil {
		return PipelineSpeed{}, err
	}
	cached, err := pipelineSpeed(ctx, set.Sample(pipelineImages), l, 0)
	return PipelineSpeed{files, cached}, err
}

// pipelineSpeed is in views a second; cacheBytes as in loader.Options.
func pipelineSpeed(ctx context.Context, set *dataset.Set, l Load, cacheBytes int64) (float64, error) {
	recipe, err := augment.New("cifar", l.ImageSize, [3]float32{0.5, 0.5, 0.5}, [3]float32{0.25, 0.25, 0.25})
	if err != nil {
		return 0, err
	}
	batches, err := loader.New(set, recipe, loader.Options{Batch: min(l.Images, set.Len()), Views: l.Views, Seed: 1, CacheBytes: cacheBytes})
	if err != nil {
		return 0, err
	}
	defer batches.Close()
	batches.Start(ctx, 0)
	warm := warmUps
	if cacheBytes >= 0 {
		warm += batches.StepsPerEpoch()
	}
	started, rows := time.Now(), 0
	for step := 0; step < warm+l.Steps || time.Since(started) < pipelineTime; step++ {
		if step == warm {
			started, rows = time.Now(), 0
		}
		b, err := batches.Next()
		if err != nil {
			return 0, err
		}
		rows += len(b.Index) * l.Views
	}
	return float64(rows) / time.Since(started).Seconds(), nil
}
