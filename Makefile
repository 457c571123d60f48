# Everything here needs Go and nothing else; `make test-race` also a C compiler.

GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VERSION       ?= $(shell git describe --tags --dirty 2>/dev/null || echo devel)
PLATFORMS     := linux/arm64 darwin/arm64 windows/amd64

.PHONY: help build demo test test-race test-purego full lint bench cross generate generate-check dockerfile clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' $(MAKEFILE_LIST) | expand -t 24

build: ## the static binary bin/supcon
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/supcon ./cmd/supcon

demo: build ## train on the sample pictures, probe, embed: four minutes at most
	@scripts/demo.sh bin/supcon

test: ## the tests that take seconds
	go test ./...

test-race: ## the same tests under the race detector
	CGO_ENABLED=1 go test -race -short -timeout 20m ./...

test-purego: ## the arithmetic's tests without assembly, then on arm64 under emulation
	go test -tags purego ./pkg/kernel ./pkg/loss ./pkg/op ./pkg/model
	.ci/arm64

full: ## every test, the long ones included
	SUPCON_FULL=1 go test -count=1 -timeout 90m ./...

lint: ## formatting, go vet, golangci-lint
	@files=$$(gofmt -l cmd pkg scripts .ci); test -z "$$files" || { echo "not formatted, run gofmt -w:" $$files >&2; exit 1; }
	go vet ./...
	CGO_ENABLED=0 $(GOLANGCI_LINT) run --allow-parallel-runners ./...

bench: build ## speed of the kernels, then of a model
	go test -run '^$$' -bench . ./pkg/kernel
	bin/supcon bench

cross: ## compile for the platforms without assembly
	@for platform in $(PLATFORMS); do \
		echo "GOOS=$${platform%/*} GOARCH=$${platform#*/} go build ./..."; \
		CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} go build ./... || exit 1; \
	done

generate: ## write the assembly anew
	go generate ./pkg/kernel

generate-check: ## the checked-in assembly is what its generator writes
	.ci/check-generated

dockerfile: ## lint the Dockerfile and take its steps by hand, without an engine
	cd .ci/dockerfile && export CGO_ENABLED=0 && go vet . && go build -o ../../bin/dockerfile .
	bin/dockerfile Dockerfile . version \
		'data synth data/sample' \
		'train --data data/sample/train --model small --epochs 0' \
		'eval --data data/sample/train --test data/sample/test --knn' \
		'embed --data data/sample/test --out runs/vectors.npy'

clean: ## remove what was built
	rm -rf bin
