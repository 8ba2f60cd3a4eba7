# Builds the executable and puts it, under both of its names, into a small image.
#
#     docker build --tag cableway .
#     docker run --rm --publish 8080:8080 cableway --public --norpc

FROM node:24-bookworm-slim AS build
RUN apt-get update \
  && apt-get install --yes --no-install-recommends make \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# Dependencies first: they change less often than the sources.
COPY Makefile package.json bun.lock bunfig.toml ./
RUN make node_modules/.installed
COPY tsconfig.json ./
COPY protos protos
COPY src src
RUN make build

FROM debian:bookworm-slim
COPY --from=build /build/dist/cableway /usr/local/bin/cableway
# The name under which deployments of anycable-go start it.
RUN ln -s cableway /usr/local/bin/anycable-go
# In a container the default, localhost, is out of everybody's reach.
ENV ANYCABLE_HOST=0.0.0.0
# A number, so that orchestrators can see that it is not root.
USER 65532:65532
WORKDIR /
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/cableway"]
