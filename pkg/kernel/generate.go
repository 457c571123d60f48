package kernel

//go:generate sh -c "cd _gen && go run . -subject tile_avx512 -out ../tile_avx512_amd64.s -stubs ../tile_avx512_amd64.go -pkg kernel"
//go:generate sh -c "cd _gen && go run . -subject tile_avx2 -out ../tile_avx2_amd64.s -stubs ../tile_avx2_amd64.go -pkg kernel"
//go:generate sh -c "cd _gen && go run . -subject strip_avx512 -out ../strip_avx512_amd64.s -stubs ../strip_avx512_amd64.go -pkg kernel"
//go:generate sh -c "cd _gen && go run . -subject strip_avx2 -out ../strip_avx2_amd64.s -stubs ../strip_avx2_amd64.go -pkg kernel"
//go:generate sh -c "cd _gen && go run . -subject winograd_avx512 -out ../winograd_avx512_amd64.s -stubs ../winograd_avx512_amd64.go -pkg kernel"
//go:generate sh -c "cd _gen && go run . -subject winograd_avx2 -out ../winograd_avx2_amd64.s -stubs ../winograd_avx2_amd64.go -pkg kernel"
//go:generate sh -c "cd _gen && go run . -subject pairs_avx512 -out ../pairs_avx512_amd64.s -stubs ../pairs_avx512_amd64.go -pkg kernel"
//go:generate sh -c "cd _gen && go run . -subject pairs_avx2 -out ../pairs_avx2_amd64.s -stubs ../pairs_avx2_amd64.go -pkg kernel"
