# What developers do. All of it needs Go alone, but for test-moto, test-redis and check, which start a moto_server and a redis-server.

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GITHASH  ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
STAMP    ?= $(shell date -u +%Y-%m-%dT%H:%M:%SZ)
LDFLAGS  := -s -w -X main.version=$(VERSION) -X main.githash=$(GITHASH) -X main.buildstamp=$(STAMP)
# Without grpcnotrace the linker keeps every method of every package, for gRPC's own debugging pages: 11 MB more.

.PHONY: help run build test test-moto test-redis bench lint check clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1	\2/' | expand -t 12

run: ## serve one account backed by a simulated AWS, and print what to try
	go run . -local

build: ## ecs-api, a static binary that knows its version
	CGO_ENABLED=0 go build -trimpath -tags grpcnotrace -ldflags '$(LDFLAGS)' -o ecs-api .

test: ## all tests; they need nothing but Go
	go test ./...

test-moto: ## the end-to-end suite against moto_server (pip install 'moto[server]')
	.ci/run moto

test-redis: ## the multi-server suite on a redis-server, which it installs on Debian
	.ci/run redis

bench: ## throughput, latency, AWS calls and memory under load, against the simulated AWS; see bench/load -help
	go run ./bench/load $(BENCHFLAGS)

lint: ## gofmt, go vet, go.mod, golangci-lint
	.ci/run format vet tidy lint

check: ## all that CI runs: what must pass before a commit
	.ci/run

clean: ## remove what build made
	rm -f ecs-api
