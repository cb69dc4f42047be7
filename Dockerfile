# syntax=docker/dockerfile:1
# The image is the static binary, a CA bundle, and nothing else: no shell, no libc, no user but a number.
# deploy/verify-image.sh does by hand what this file says, where no container engine runs.
ARG GO_VERSION=1.26

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG VERSION=dev
ARG GITHASH=unknown
ARG STAMP=unknown
ARG TARGETOS
ARG TARGETARCH
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH make build VERSION="$VERSION" GITHASH="$GITHASH" STAMP="$STAMP"

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/ecs-api /ecs-api
# The config is mounted at /config/config.json.
WORKDIR /
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=10s --retries=3 CMD ["/ecs-api", "-health"]
ENTRYPOINT ["/ecs-api"]
