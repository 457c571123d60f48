package main

import (
	"bytes"
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// points are the means of one score with their deviations, at the variants'
// places on the axis.
type points struct {
	plotter.XYs
	plotter.YErrors
}

// series is one score of a plot. The two are told apart by shape as well as by
// colour, and stand side by side.
type series struct {
	name  string
	score func(r result) float64
	color color.Color
	shape draw.GlyphDrawer
	shift float64
}

var allSeries = []series{
	{"linear probe", probeTop1, color.RGBA{0x00, 0x72, 0xb2, 0xff}, draw.CircleGlyph{}, -0.04},
	{"kNN", knnTop1, color.RGBA{0xd5, 0x5e, 0x00, 0xff}, draw.BoxGlyph{}, 0.04},
}

// The viewer's fonts are used, so that a plot is small: the first of these it has.
const (
	plotFont  = "font-family:Liberation Sans"
	plotFonts = plotFont + ",Arial,sans-serif"
)

// plot draws both scores over the variants, as SVG.
func (s section) plot() ([]byte, error) {
	p := plot.New()
	for _, style := range []*text.Style{&p.X.Label.TextStyle, &p.X.Tick.Label, &p.Y.Label.TextStyle, &p.Y.Tick.Label, &p.Legend.TextStyle} {
		style.Font.Variant = "Sans"
	}
	p.X.Label.Text, p.Y.Label.Text = fmt.Sprint(s.Runs[0][0].Key), "top-1, %"
	p.X.Min, p.X.Max = -0.5, float64(len(s.variants))-0.5
	p.Add(plotter.NewGrid())
	p.NominalX(s.ticks()...)
	p.Legend.Top, p.Legend.YOffs, p.Legend.Padding = true, -vg.Millimeter, vg.Millimeter
	for _, series := range allSeries {
		if err := s.draw(p, series); err != nil {
			return nil, err
		}
	}
	p.Y.Min, p.Y.Max = p.Y.Min-1, p.Y.Max+0.25*(p.Y.Max-p.Y.Min)+1 // room for the legend
	writer, err := p.WriterTo(14*vg.Centimeter, 8*vg.Centimeter, "svg")
	if err != nil {
		return nil, err
	}
	var svg bytes.Buffer
	_, err = writer.WriteTo(&svg)
	return bytes.ReplaceAll(svg.Bytes(), []byte(plotFont), []byte(plotFonts)), err
}

// ticks are the names of the variants on the axis: the values without the keys.
func (s section) ticks() []string {
	var names []string
	for _, v := range s.variants {
		var values []string
		for _, item := range v.given {
			values = append(values, fmt.Sprint(item.Value))
		}
		names = append(names, strings.Join(values, ", "))
	}
	return names
}

func (s section) draw(p *plot.Plot, series series) error {
	at := points{}
	for i, of := range s.ours {
		if len(of) == 0 {
			continue
		}
		mean, deviation := stat.MeanStdDev(of.of(series.score), nil)
		if len(of) == 1 {
			deviation = 0
		}
		at.XYs = append(at.XYs, plotter.XY{X: float64(i) + series.shift, Y: mean})
		at.YErrors = append(at.YErrors, struct{ Low, High float64 }{deviation, deviation})
	}
	line, marks, err := plotter.NewLinePoints(at.XYs)
	if err != nil {
		return err
	}
	bars, err := plotter.NewYErrorBars(at)
	if err != nil {
		return err
	}
	line.Color, marks.Color, bars.Color = series.color, series.color, series.color
	marks.Shape = series.shape
	if s.ordered() {
		p.Add(line)
	}
	p.Add(bars, marks)
	p.Legend.Add(series.name, marks)
	return nil
}

// ordered says that the axis is one of numbers, along which a line makes sense.
func (s section) ordered() bool {
	for _, tick := range s.ticks() {
		if _, err := strconv.ParseFloat(tick, 64); err != nil {
			return false
		}
	}
	return true
}
