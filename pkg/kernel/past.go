package kernel

// pastCache is the length in floats from which a result is not found in the last cache when it is
// read next. It is a variable for the tests.
var pastCache = 8 << 20

// goesPast says whether a result with rows so far apart should be stored past the cache, which spares
// reading its lines first. Every store must be of a whole line. The stores are weakly ordered: the
// locked counter of the job, which every thread draws from after its last store, puts them in order.
func goesPast(y []float32, rowLen int) bool {
	return len(y) >= pastCache && rowLen%16 == 0 && isAligned(y)
}
