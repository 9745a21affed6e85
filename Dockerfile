# PostgreSQL with prio and prio_processor, and the command prio, on the official image.
#
#	docker build -t prio .					the image
#	docker build -t prio --build-arg PG_MAJOR=17 .		for another PostgreSQL, 14 to 18
#	docker build --target test .				its tests, on the PostgreSQL of the image

ARG PG_MAJOR=15
ARG SUITE=bookworm

FROM postgres:${PG_MAJOR}-${SUITE} AS build
WORKDIR /prio
# What is installed does not depend on the sources, so a change of these does not repeat it.
COPY script/setup script/lib.sh script/
RUN script/setup && rm -rf /var/lib/apt/lists/*
COPY . .
RUN make -j"$(nproc)" all cli && \
	make install install-cli DESTDIR=/staging

FROM build AS test
ARG TESTS="unit regress demo"
RUN script/setup --test && rm -rf /var/lib/apt/lists/*
RUN script/test ${TESTS}

FROM postgres:${PG_MAJOR}-${SUITE} AS prio
# msgpack's library is libmsgpackc2 in Debian 12, and libmsgpack-c2 in later releases.
RUN apt-get update && \
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		libnss3 libjansson4 '^libmsgpack-?c2$' && \
	rm -rf /var/lib/apt/lists/*
COPY LICENSE /usr/share/doc/prio/copyright
COPY --from=build /staging/ /
