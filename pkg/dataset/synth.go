package dataset

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"supcon/pkg/fault"
	"supcon/pkg/internal/atomicfile"
	"supcon/pkg/random"
)

// SynthOptions sizes the sample set; a zero field takes its default.
type SynthOptions struct {
	// Train and Test are images per class: 100 and 30 by default.
	Train, Test int
	// Size is the side of a picture in pixels: 32 by default.
	Size int
}

// synthQuality keeps a 32-pixel picture near one kilobyte.
const synthQuality = 90

// Synth writes the sample set to the new folder dir: dir/train and dir/test
// with a class folder for each of SynthClasses, holding pictures of one shape
// each. Colours of shape and ground, place, size and angle are random and
// independent of the class, and shape and ground are drawn alike, so that
// neither colour nor place tells the classes apart; noise and a gradient lie
// over all. The bytes are a function of seed and options. The folder appears
// whole or not at all; an existing one is a usage error.
func Synth(dir string, seed uint64, o SynthOptions) error {
	o = SynthOptions{Train: cmp.Or(o.Train, 100), Test: cmp.Or(o.Test, 30), Size: cmp.Or(o.Size, 32)}
	if o.Train < 0 || o.Test < 0 || o.Size < 8 || o.Size > 1024 {
		return fault.Usage.Errorf("dataset: cannot make %d + %d images a class of %d pixels; sizes are 8 to 1024", o.Train, o.Test, o.Size)
	}
	err := atomicfile.MakeDir(dir, func(temp string) error {
		for part, name := range []string{"train", "test"} {
			if err := synthPart(filepath.Join(temp, name), seed, part, []int{o.Train, o.Test}[part], o.Size); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, fs.ErrExist) {
		return fault.Usage.Errorf("dataset: %s exists already; name a new folder for the sample set", dir)
	}
	if err != nil {
		return fmt.Errorf("dataset: sample set: %w", err)
	}
	return nil
}

func synthPart(dir string, seed uint64, part, perClass, size int) error {
	for class, name := range SynthClasses() {
		folder := filepath.Join(dir, name)
		if err := os.MkdirAll(folder, 0o777); err != nil {
			return err
		}
		for i := range perClass {
			stream := random.New(seed, random.Synth, uint64(part), uint64(class), uint64(i))
			var buffer bytes.Buffer
			if err := jpeg.Encode(&buffer, drawShape(shapes[class].inside, size, stream), &jpeg.Options{Quality: synthQuality}); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%04d.jpg", i)), buffer.Bytes(), 0o666); err != nil {
				return err
			}
		}
	}
	return nil
}

// scene is a shape on its ground with everything random decided. Lengths are
// in units of the picture's side.
type scene struct {
	x, y, radius, sin, cos float64
	// shape and ground are colours; gradient is what is added from one side of
	// the picture to the other, along the angle of gradientSin, gradientCos.
	shape, ground, gradient  [3]float64
	gradientSin, gradientCos float64
	noise                    float64
}

func drawScene(rng *random.Source) scene {
	var s scene
	s.radius = 0.27 + 0.12*rng.Float64()
	room := 0.5 - s.radius
	s.x, s.y = 0.5+room*(2*rng.Float64()-1), 0.5+room*(2*rng.Float64()-1)
	s.sin, s.cos = math.Sincos(2 * math.Pi * rng.Float64())
	s.gradientSin, s.gradientCos = math.Sincos(2 * math.Pi * rng.Float64())
	// Both colours come from the same draw, so each is as often the brighter.
	const contrast = 75
	for math.Abs(luminance(s.shape)-luminance(s.ground)) < contrast {
		for c := range 3 {
			s.shape[c], s.ground[c] = 255*rng.Float64(), 255*rng.Float64()
		}
	}
	for c := range 3 {
		s.gradient[c] = 80 * (rng.Float64() - 0.5)
	}
	s.noise = 6 + 18*rng.Float64()
	return s
}

func luminance(color [3]float64) float64 {
	return 0.299*color[0] + 0.587*color[1] + 0.114*color[2]
}

// drawShape renders one picture with 4×4 samples a pixel.
func drawShape(inside func(u, v float64) bool, size int, rng *random.Source) *image.NRGBA {
	s := drawScene(rng)
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			const grid = 4
			covered := 0
			for k := range grid * grid {
				u := (float64(x)+(float64(k%grid)+0.5)/grid)/float64(size) - s.x
				v := (float64(y)+(float64(k/grid)+0.5)/grid)/float64(size) - s.y
				if inside((s.cos*u+s.sin*v)/s.radius, (s.cos*v-s.sin*u)/s.radius) {
					covered++
				}
			}
			share := float64(covered) / (grid * grid)
			slope := (s.gradientCos*float64(x)+s.gradientSin*float64(y))/float64(size) - 0.5
			pixel := img.Pix[img.PixOffset(x, y):]
			for c := range 3 {
				value := share*s.shape[c] + (1-share)*s.ground[c] + slope*s.gradient[c] + s.noise*(2*rng.Float64()-1)
				pixel[c] = uint8(max(0, min(255, math.Round(value))))
			}
			pixel[3] = 255
		}
	}
	return img
}
