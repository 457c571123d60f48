package memory

import "testing"

func TestPeakGrowsWithWhatIsTouched(t *testing.T) {
	before := PeakBytes()
	const size = 64 << 20
	block := make([]byte, size)
	for i := 0; i < size; i += 4096 {
		block[i] = 1
	}
	grown := PeakBytes() - before
	if grown < size/2 || block[0] != 1 {
		t.Errorf("touching %d bytes moved the peak by %d", size, grown)
	}
}
