package kernel

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"unsafe"
)

// Branch names one implementation of the inner loops.
type Branch string

// The branches, best first.
const (
	AVX512  Branch = "avx512"
	AVX2    Branch = "avx2"
	Generic Branch = "generic"
)

// Options choose how an Engine works. The zero value is right for nearly everybody.
type Options struct {
	Threads int    // 0 = all that Go uses (GOMAXPROCS)
	Branch  Branch // "" = the best this CPU has
	Conv    string // "auto" or "" | "direct": without Winograd, for comparing numerics
}

// Engine runs kernels on a fixed number of threads with scratch memory of its own.
// It must not be used by two goroutines at the same time.
type Engine struct {
	threads int
	direct  bool // Winograd switched off
	k       *table
	workers []*worker
	shared  []float32 // scratch that all threads of one call see
	zeros   []float32 // a row of a tile in any planned convolution
	job     job
}

// worker is the private property of one thread while it runs a task.
type worker struct {
	tile    tile
	pairs   PairBlock
	scratch []float32
	window  [maxPoolSize * maxPoolSize]windowPixel
	tiles   tileWindow
	offsets []int
}

// New returns an engine, or an error that names the wrong option and what it may be.
func New(o Options) (*Engine, error) {
	if o.Threads < 0 {
		return nil, fmt.Errorf("kernel: threads is %d; give 0 for all cores or a positive number", o.Threads)
	}
	if o.Conv != "" && o.Conv != "auto" && o.Conv != "direct" {
		return nil, fmt.Errorf("kernel: conv is %q; it is auto or direct", o.Conv)
	}
	k, err := tableFor(o.Branch)
	if err != nil {
		return nil, err
	}
	e := &Engine{threads: o.Threads, direct: o.Conv == "direct", k: k}
	if e.threads == 0 {
		e.threads = runtime.GOMAXPROCS(0)
	}
	for range e.threads {
		e.workers = append(e.workers, &worker{})
	}
	e.job.present = make([]atomic.Bool, e.threads)
	e.reserve(gemmShared, gemmPrivate)
	return e, nil
}

// Branches lists the branches usable on this machine, best first.
func Branches() []Branch {
	var usable []Branch
	for _, k := range tables() {
		usable = append(usable, k.branch)
	}
	return usable
}

func tableFor(b Branch) (*table, error) {
	usable := tables()
	if b == "" {
		return usable[0], nil
	}
	at := slices.IndexFunc(usable, func(k *table) bool { return k.branch == b })
	if at >= 0 {
		return usable[at], nil
	}
	names := make([]string, len(usable))
	for i, k := range usable {
		names[i] = string(k.branch)
	}
	return nil, fmt.Errorf("kernel: branch %q cannot run here; this machine has %s", b, strings.Join(names, ", "))
}

// Threads is the number of threads the engine spreads its work over.
func (e *Engine) Threads() int { return e.threads }

// Branch is the branch in use.
func (e *Engine) Branch() Branch { return e.k.branch }

// ScratchBytes is the memory the engine holds for itself, in bytes.
func (e *Engine) ScratchBytes() int64 {
	n := cap(e.shared)
	for _, w := range e.workers {
		n += cap(w.scratch)
	}
	return int64(n) * 4
}

// reserve makes the shared scratch and the private scratch of each thread at least so many
// floats long. It allocates only when they grow.
func (e *Engine) reserve(shared, private int) {
	if shared > len(e.shared) {
		e.shared = alignedFloats(shared)
	}
	for _, w := range e.workers {
		if private > len(w.scratch) {
			w.scratch = alignedFloats(private)
		}
	}
}

// alignedFloats returns n zeroed floats that start on a cache line.
func alignedFloats(n int) []float32 {
	const line = 16
	s := make([]float32, n+line)
	skip := 0
	for !isAligned(s[skip:]) {
		skip++
	}
	return s[skip : skip+n : skip+n]
}

func isAligned(s []float32) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(s)))%64 == 0
}
