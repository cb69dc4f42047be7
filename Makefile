# What developers and .ci/run both do. Needs Go alone, but for test-moto.

GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GITHASH  ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
STAMP    ?= $(shell date -u +%Y-%m-%dT%H:%M:%SZ)
LDFLAGS  := -s -w -X main.version=$(VERSION) -X main.githash=$(GITHASH) -X main.buildstamp=$(STAMP)

.PHONY: help run build test lint check clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1	\2/' | expand -t 12

run: ## serve one account backed by a simulated AWS, and print what to try
	go run . -local

build: ## ecs-api, a static binary that knows its version
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o ecs-api .

test: ## all tests; they need nothing but Go
	go test ./...

lint: ## gofmt, go vet, golangci-lint
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt these: $$unformatted" >&2; exit 1; fi
	go vet ./...
	go run $(GOLANGCI) run ./...

check: lint ## what must pass before a commit
	go test -race ./...

clean: ## remove what build made
	rm -f ecs-api
