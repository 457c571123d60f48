package kernel

// generic is plain Go: it runs everywhere, and the other branches are compared with it.
var generic = &table{
	branch: Generic, mr: 2, nr: 4,
	direct:     func(t *tile) { t.repeat(tileDirectGo) },
	transposed: func(t *tile) { t.repeat(tileTransposedGo) },
	pairs:      &pairsGo, strips: genericStrips,
}

// tileDirectGo works on two rows by four columns: eight sums are what the registers hold.
func tileDirectGo(t *tile) {
	var s [8]float32
	last := (t.rows - 1) * t.lda
	b := t.b
	for _, o := range t.off {
		a0, a1 := t.a[o:o+t.run], t.a[o+last:o+last+t.run]
		b = dot2x4(&s, a0, a1, b, t.ldb)
	}
	t.store(&s)
}

// dot2x4 adds to s the products of two rows of A with len(a0) rows of B; it returns B after them.
func dot2x4(s *[8]float32, a0, a1, b []float32, ldb int) []float32 {
	s0, s1, s2, s3, s4, s5, s6, s7 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	a1 = a1[:len(a0)]
	at := 0
	for k, u := range a0 {
		v := a1[k]
		r := b[at : at+4 : at+4]
		s0 += u * r[0]
		s1 += u * r[1]
		s2 += u * r[2]
		s3 += u * r[3]
		s4 += v * r[0]
		s5 += v * r[1]
		s6 += v * r[2]
		s7 += v * r[3]
		at += ldb
	}
	*s = [8]float32{s0, s1, s2, s3, s4, s5, s6, s7}
	return b[min(at, len(b)):]
}

func tileTransposedGo(t *tile) {
	var s [8]float32
	last := t.rows - 1
	at := 0
	for _, o := range t.off {
		for k := range t.run {
			a := t.a[o+k*t.lda:]
			u, v := a[0], a[last]
			r := t.b[at : at+4 : at+4]
			for n, x := range r {
				s[n] += u * x
				s[4+n] += v * x
			}
			at += t.ldb
		}
	}
	t.store(&s)
}

// store applies the epilogue to the sums of a 2×4 tile.
func (t *tile) store(s *[8]float32) {
	for m := range t.rows {
		for n := range t.cols {
			v := s[4*m+n]
			if t.flags&tileAccumulate != 0 {
				v += t.c[m*t.ldc+n]
			}
			if t.bias != nil {
				v += t.bias[n]
			}
			if t.residual != nil {
				v += t.residual[m*t.ldc+n]
			}
			if t.flags&tileReLU != 0 && !(v > 0) {
				v = 0
			}
			t.c[m*t.ldc+n] = v
		}
	}
}
