# syntax=docker/dockerfile:1
#
#   docker build -t supcon .
#   docker run --rm -v "$PWD/pictures:/data:ro" -v "$PWD/runs:/runs" supcon train --data /data
#
# A mounted runs folder must be writable for user 65532, or say --user "$(id -u)".

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY . .
ARG TARGETOS=linux
ARG TARGETARCH=amd64
ARG VERSION=devel
ENV CGO_ENABLED=0
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o bin/supcon ./cmd/supcon \
    && mkdir -p root/data root/runs

FROM scratch
LABEL org.opencontainers.image.title="supcon" \
      org.opencontainers.image.description="Contrastive image representation learning: train, probe, embed" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /src/bin/supcon /supcon
COPY --from=build --chown=65532:65532 /src/root /
# The default run folder is runs/ where the program starts: the volume.
WORKDIR /
VOLUME ["/data", "/runs"]
USER 65532:65532
ENTRYPOINT ["/supcon"]
CMD ["--help"]
