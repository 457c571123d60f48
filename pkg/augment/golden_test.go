package augment

import (
	"fmt"
	"image"
	"testing"

	"github.com/disintegration/imaging"

	"supcon/pkg/internal/numtest"
)

// goldenFile is augment.json: pictures and what torchvision's PIL transforms
// make of them.
type goldenFile struct {
	Cases []struct {
		File   string
		Pixels [][][3]uint8
		Ops    []goldenOp
	}
}

type goldenOp struct {
	Op                             string
	Factor                         float64
	Top, Left, Height, Width, Size int
	Out                            [][][3]uint8
}

func (op goldenOp) String() string {
	if op.Op == "resized_crop" {
		return fmt.Sprintf("resized_crop(%d,%d %dx%d to %d)", op.Left, op.Top, op.Width, op.Height, op.Size)
	}
	return fmt.Sprintf("%s(%g)", op.Op, op.Factor)
}

func toImage(rows [][][3]uint8) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, len(rows[0]), len(rows)))
	for y, row := range rows {
		for x, pixel := range row {
			copy(img.Pix[img.PixOffset(x, y):], []uint8{pixel[0], pixel[1], pixel[2], 255})
		}
	}
	return img
}

// plan is a plan of nothing but the operation.
func (op goldenOp) plan(t *testing.T) *plan {
	kinds := map[string]kind{"brightness": brightness, "contrast": contrast, "saturation": saturation, "hue": hue}
	p := &plan{}
	switch op.Op {
	case "resized_crop":
		p.crop = image.Rect(op.Left, op.Top, op.Left+op.Width, op.Top+op.Height)
	case "hflip":
		p.flip = true
	case "grayscale3":
		p.gray = true
	default:
		k, ok := kinds[op.Op]
		if !ok {
			t.Fatalf("the golden file has an operation %q that this test does not know", op.Op)
		}
		p.jitter[0], p.operation = operation{k, op.Factor}, 1
	}
	return p
}

// apply carries out one operation the two ways there are, on a picture of any
// size.
func (op goldenOp) apply(t *testing.T, img *image.NRGBA) map[string]*image.NRGBA {
	p, r, s := op.plan(t), &Recipe{Size: op.Size}, newScratch()
	if !p.crop.Empty() {
		r.render(s, img, p)
		return map[string]*image.NRGBA{"imaging": r.throughImaging(img, p), "fused": s.image()}
	}
	view := img
	s.load(img)
	if p.flip {
		view = imaging.FlipH(view)
		s.flip()
	}
	s.color(p, 0)
	return map[string]*image.NRGBA{"imaging": r.recolor(view, p), "fused": s.image()}
}

// largestDifference between two pictures, in levels; 256 where the sizes differ.
func largestDifference(a, b *image.NRGBA) int {
	if a.Rect != b.Rect {
		return 256
	}
	largest := 0
	for y := range a.Rect.Dy() {
		for x := range 4 * a.Rect.Dx() {
			largest = max(largest, abs(int(a.Pix[y*a.Stride+x])-int(b.Pix[y*b.Stride+x])))
		}
	}
	return largest
}

func TestGoldenOperations(t *testing.T) {
	var file goldenFile
	numtest.Golden(t, "augment.json", &file)
	if len(file.Cases) == 0 {
		t.Fatal("the golden file has no cases")
	}
	for _, c := range file.Cases {
		img := toImage(c.Pixels)
		for _, op := range c.Ops {
			allowed := 1
			if op.Op == "resized_crop" {
				allowed = 2
			}
			for way, got := range op.apply(t, img) {
				d := largestDifference(got, toImage(op.Out))
				if d > allowed {
					t.Errorf("%s %v through %s: off by %d levels, allowed %d", c.File, op, way, d, allowed)
				}
				if testing.Verbose() && d > 0 {
					t.Logf("%s %v through %s: off by %d", c.File, op, way, d)
				}
			}
		}
	}
}
