# What developers and .ci/run both do. Needs Go alone, but for test-moto.

GOLANGCI := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GITHASH  ?= $(shell git rev-parse --short HEAD 2>/dev/null || echo unknown)
STAMP    ?= $(shell date -u +%Y-%m-%dT%H:%M:%SZ)
LDFLAGS  := -s -w -X main.version=$(VERSION) -X main.githash=$(GITHASH) -X main.buildstamp=$(STAMP)

MOTO_PORT ?= 5555

SHELL := /bin/bash

.PHONY: help run build test test-moto lint check clean

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1	\2/' | expand -t 12

run: ## serve one account backed by a simulated AWS, and print what to try
	go run . -local

build: ## ecs-api, a static binary that knows its version
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o ecs-api .

test: ## all tests; they need nothing but Go
	go test ./...

test-moto: ## the end-to-end suite against moto_server (pip install 'moto[server]'), on MOTO_PORT
	@moto_server -H 127.0.0.1 -p $(MOTO_PORT) >/dev/null 2>&1 & moto=$$!; trap "kill $$moto" EXIT; \
	for try in {1..300}; do \
		kill -0 $$moto 2>/dev/null || { echo "moto_server ended: is it installed, and port $(MOTO_PORT) free?" >&2; exit 1; }; \
		(exec 3<>/dev/tcp/127.0.0.1/$(MOTO_PORT)) 2>/dev/null && break; sleep 0.1; \
	done; \
	ECS_API_E2E_ENDPOINT=http://127.0.0.1:$(MOTO_PORT) ECS_API_E2E_MINIMUM=1 go test -count=1 ./e2e

lint: ## gofmt, go vet, golangci-lint
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "gofmt these: $$unformatted" >&2; exit 1; fi
	go vet ./...
	go run $(GOLANGCI) run ./...

check: lint ## what must pass before a commit
	go test -race ./...

clean: ## remove what build made
	rm -f ecs-api
