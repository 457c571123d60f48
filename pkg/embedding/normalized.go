package embedding

// Normalized returns a sink that divides every vector by max(‖x‖₂, 1e-12) and
// passes it on to sink. The vector given to Append stays as it was.
func Normalized(sink Sink) Sink { return &normalized{sink: sink} }

type normalized struct {
	sink Sink
	unit []float32
}

func (n *normalized) Append(path string, label int, vector []float32) error {
	n.unit = append(n.unit[:0], vector...)
	Normalize(n.unit)
	return n.sink.Append(path, label, n.unit)
}
