# make run     build midstream and start it
# make test    install what the tests need, and run everything that must pass
# See docs/development.md for the others.

GO      ?= go
BIN     := bin/midstream
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS := -s -w -X main.version=$(VERSION)
TARGETS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
export CGO_ENABLED := 0

.PHONY: run build test deps check unit cross bench bench-ui soak fuzz lint release clean

build:
	@$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/midstream

run: build
	@$(BIN) $(ARGS)

test: deps check unit cross

deps:
	@scripts/deps

check:
	@scripts/check

unit:
	@CGO_ENABLED=1 $(GO) test -race -timeout 14m ./...

cross:
	@for t in $(TARGETS); do \
	  GOOS=$${t%/*} GOARCH=$${t#*/} $(GO) build -o /dev/null ./cmd/midstream || exit 1; \
	  echo "builds for $$t"; \
	done

lint: check

bench: build
	@scripts/bench

bench-ui:
	@scripts/bench-ui

soak: build
	@MIDSTREAM_SOAK=1 $(GO) test -count 1 -timeout 60m -run 'Soak|Kill' -v ./...

FUZZTIME ?= 30s
fuzz:
	@scripts/fuzz $(FUZZTIME)

release:
	@scripts/release '$(VERSION)' $(TARGETS)

clean:
	@rm -rf bin dist
