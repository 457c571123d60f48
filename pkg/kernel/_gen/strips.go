package main

import . "github.com/mmcloughlin/avo/build"

// makeZero gives a strip a register of zeros.
func makeZero(m *mapMaker) {
	m.scalars["zero"] = m.scalarRegister()
	m.v.zero(m.scalars["zero"])
}

var maps = []mapStrip{
	{
		name: "relu", streams: []string{"y", "x"}, temps: 1, setup: makeZero,
		loop: "y[i] = max(x[i], 0)",
		body: func(u *unit) {
			u.load("x", u.temp(0))
			VMAXPS(u.temp(0), u.scalar("zero"), u.temp(0))
			u.store(u.temp(0), "y")
		},
	},
	{
		name: "reluGrad", streams: []string{"dx", "dy", "y"}, temps: 2, setup: makeZero,
		loop: "dx[i] = dy[i] if y[i] > 0, else 0",
		body: func(u *unit) {
			u.load("y", u.temp(1))
			u.load("dy", u.temp(0))
			u.m.v.keepPositive(u.temp(0), u.temp(1), u.scalar("zero"))
			u.store(u.temp(0), "dx")
		},
	},
	addition,
	past(renamed(addition, "addPast")),
	{
		name: "addBias", streams: []string{"y"}, vectors: []string{"bias"}, temps: 2,
		loop: "y[i] += bias[j]",
		body: func(u *unit) {
			u.load("y", u.temp(0))
			u.load("bias", u.temp(1))
			VADDPS(u.temp(1), u.temp(0), u.temp(0))
			u.store(u.temp(0), "y")
		},
	},
	{
		name: "axpy", streams: []string{"y", "x"}, scalars: []string{"alpha"}, temps: 2,
		loop: "y[i] += alpha·x[i]",
		body: func(u *unit) {
			u.load("y", u.temp(0))
			u.load("x", u.temp(1))
			VFMADD231PS(u.temp(1), u.scalar("alpha"), u.temp(0))
			u.store(u.temp(0), "y")
		},
	},
	{
		name: "lerp", streams: []string{"y", "x"}, scalars: []string{"alpha"}, temps: 2,
		loop: "y[i] += alpha·(x[i] - y[i])",
		body: func(u *unit) {
			y, x := u.temp(0), u.temp(1)
			u.load("y", y)
			u.load("x", x)
			VSUBPS(y, x, x)
			VFMADD231PS(x, u.scalar("alpha"), y)
			u.store(y, "y")
		},
	},
	{
		name: "scale", streams: []string{"y", "x"}, scalars: []string{"alpha"}, temps: 1,
		loop: "y[i] = alpha·x[i]",
		body: func(u *unit) {
			u.load("x", u.temp(0))
			VMULPS(u.scalar("alpha"), u.temp(0), u.temp(0))
			u.store(u.temp(0), "y")
		},
	},
	sgd("sgd", "d = scale·grad[i] + decay·p[i]; v[i] = momentum·v[i] + d; p[i] -= lr·v[i]", false),
	sgd("nesterov", "d = scale·grad[i] + decay·p[i]; v[i] = momentum·v[i] + d; p[i] -= lr·(d + momentum·v[i])", true),
	adamW,
	normalize("normalize", "y[i] = (x[i]-mean[j])·scale[j] + shift[j]", false, false),
	normalize("normalizeReLU", "y[i] = max((x[i]-mean[j])·scale[j] + shift[j], 0)", false, true),
	normalize("normalizeAdd", "y[i] = (x[i]-mean[j])·scale[j] + shift[j] + residual[i]", true, false),
	normalize("normalizeAddReLU", "y[i] = max((x[i]-mean[j])·scale[j] + shift[j] + residual[i], 0)", true, true),
	past(normalize("normalizePast", "y[i] = (x[i]-mean[j])·scale[j] + shift[j]", false, false)),
	past(normalize("normalizeReLUPast", "y[i] = max((x[i]-mean[j])·scale[j] + shift[j], 0)", false, true)),
	past(normalize("normalizeAddPast", "y[i] = (x[i]-mean[j])·scale[j] + shift[j] + residual[i]", true, false)),
	past(normalize("normalizeAddReLUPast", "y[i] = max((x[i]-mean[j])·scale[j] + shift[j] + residual[i], 0)", true, true)),
	normGrad("normGrad", false, false),
	normGrad("normGradReLU", false, true),
	normGrad("normGradAdd", true, false),
	normGrad("normGradAddReLU", true, true),
	past(normGrad("normGradPast", false, false)),
	past(normGrad("normGradReLUPast", false, true)),
	past(normGrad("normGradAddPast", true, false)),
	past(normGrad("normGradAddReLUPast", true, true)),
}

var addition = mapStrip{
	name: "add", streams: []string{"dst", "a", "b"}, temps: 2,
	loop: "dst[i] = a[i] + b[i]",
	body: func(u *unit) {
		u.load("a", u.temp(0))
		u.load("b", u.temp(1))
		VADDPS(u.temp(1), u.temp(0), u.temp(0))
		u.store(u.temp(0), "dst")
	},
}

func renamed(s mapStrip, name string) mapStrip {
	s.name = name
	return s
}

// past makes a strip whose stores go past the cache: for results that are too long to be found there
// again. The streams it writes must be aligned and c a multiple of the registers' width.
func past(s mapStrip) mapStrip {
	s.past = true
	s.loop += ", stored past the cache; results aligned, c a multiple of the registers' width"
	return s
}

func sgd(name, loop string, nesterov bool) mapStrip {
	return mapStrip{
		name: name, streams: []string{"p", "v", "grad"}, scalars: []string{"lr", "momentum", "decay", "scale"}, temps: 3, loop: loop,
		body: func(u *unit) {
			p, v, d := u.temp(0), u.temp(1), u.temp(2)
			u.load("p", p)
			u.load("v", v)
			u.load("grad", d)
			VMULPS(u.scalar("scale"), d, d)
			VFMADD231PS(p, u.scalar("decay"), d)
			VFMADD213PS(d, u.scalar("momentum"), v)
			u.store(v, "v")
			if nesterov {
				VFMADD213PS(d, u.scalar("momentum"), v)
			}
			VFNMADD231PS(v, u.scalar("lr"), p)
			u.store(p, "p")
		},
	}
}

var adamW = mapStrip{
	name: "adamW", streams: []string{"p", "m", "v", "grad"}, scalars: []string{"lr", "decay", "weight1", "weight2", "eps", "scale"}, temps: 3,
	loop: "d = scale·grad[i]; m[i] += weight1·(d-m[i]); v[i] += weight2·(d·d-v[i]); p[i] -= decay·p[i]; p[i] -= lr·m[i]/(√v[i]+eps)",
	body: func(u *unit) {
		d, m, v := u.temp(0), u.temp(1), u.temp(2)
		u.load("grad", d)
		u.load("m", m)
		VMULPS(u.scalar("scale"), d, d)
		VSUBPS(m, d, v)
		VFMADD231PS(v, u.scalar("weight1"), m)
		u.store(m, "m")
		u.load("v", v)
		VMULPS(d, d, d)
		VSUBPS(v, d, d)
		VFMADD231PS(d, u.scalar("weight2"), v)
		u.store(v, "v")
		VSQRTPS(v, v)
		VADDPS(u.scalar("eps"), v, v)
		VDIVPS(v, m, m)
		p := d
		u.load("p", p)
		VFNMADD231PS(p, u.scalar("decay"), p)
		VFNMADD231PS(m, u.scalar("lr"), p)
		u.store(p, "p")
	},
}

func normalize(name, loop string, residual, relu bool) mapStrip {
	s := mapStrip{
		name: name, streams: []string{"y", "x"}, vectors: []string{"mean", "scale", "shift"}, temps: 3, loop: loop,
		body: func(u *unit) {
			x, a, b := u.temp(0), u.temp(1), u.temp(2)
			u.load("x", x)
			u.load("mean", a)
			VSUBPS(a, x, x)
			u.load("scale", a)
			u.load("shift", b)
			VFMADD213PS(b, a, x)
			if residual {
				u.load("residual", a)
				VADDPS(a, x, x)
			}
			if relu {
				VMAXPS(x, u.scalar("zero"), x)
			}
			u.store(x, "y")
		},
	}
	if residual {
		s.streams = append(s.streams, "residual")
	}
	if relu {
		s.setup = makeZero
	}
	return s
}

func normGrad(name string, residual, relu bool) mapStrip {
	s := mapStrip{
		name: name, streams: []string{"dx", "dy", "x"}, vectors: []string{"scale", "meanDy", "mean", "slope"}, temps: 3,
		loop: "g = dy[i]; dx[i] = scale[j]·(g - meanDy[j] - (x[i]-mean[j])·slope[j])",
		body: func(u *unit) {
			g, x, a := u.temp(0), u.temp(1), u.temp(2)
			u.load("dy", g)
			if relu {
				u.load("y", x)
				u.m.v.keepPositive(g, x, u.scalar("zero"))
			}
			u.load("x", x)
			if residual {
				u.store(g, "dresidual")
			}
			u.load("mean", a)
			VSUBPS(a, x, x)
			u.load("meanDy", a)
			VSUBPS(a, g, g)
			u.load("slope", a)
			VFNMADD231PS(x, a, g)
			u.load("scale", a)
			VMULPS(a, g, g)
			u.store(g, "dx")
		},
	}
	if residual {
		s.streams = append(s.streams, "dresidual")
		s.loop += "; dresidual[i] = g"
	}
	if relu {
		s.streams = append(s.streams, "y")
		s.setup = makeZero
		s.loop = "g = dy[i] if y[i] > 0, else 0" + s.loop[len("g = dy[i]"):]
	}
	return s
}
