# Homeport in a container. BASE: any Debian or Ubuntu with Python 3.11 or newer among its packages.
# No BuildKit-only syntax: the classic builder of Debian's docker.io works.
ARG BASE=debian:12-slim
FROM ${BASE}

RUN python3 -c 'import ensurepip' 2>/dev/null \
 || { apt-get update \
      && apt-get install -y --no-install-recommends python3 python3-venv ca-certificates \
      && rm -rf /var/lib/apt/lists/*; }

WORKDIR /opt/homeport
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY api_models ./api_models
COPY emulator ./emulator
# A mirror of PyPI, where there is one.
ARG PIP_INDEX_URL=""
RUN python3 -m venv /opt/venv \
 && if [ -z "$PIP_INDEX_URL" ]; then unset PIP_INDEX_URL; fi \
 && /opt/venv/bin/pip install --no-cache-dir --quiet -c constraints.txt . \
 && ln -s /opt/venv/bin/homeport /usr/local/bin/homeport

# In here everything must be served; the published port decides who can reach it.
ENV HOMEPORT_HOST=0.0.0.0 HOMEPORT_DATA_DIR=/var/lib/homeport HOMEPORT_RELAY_VOLUME=homeport-run
VOLUME ["/var/lib/homeport", "/var/lib/homeport/run"]
EXPOSE 4566 80
ENTRYPOINT ["homeport"]
CMD ["up"]
