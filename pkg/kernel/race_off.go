//go:build !race

package kernel

const raceEnabled = false

func raceRead([]float32)  {}
func raceWrite([]float32) {}
