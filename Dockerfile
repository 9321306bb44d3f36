# Debian slim, not Alpine: the parsers need a glibc thread stack (LIM-01 in the threat notes).
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md ./
COPY vault ./vault
COPY shapes ./shapes
RUN python -m venv /opt/datakluis \
    && /opt/datakluis/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
    && /opt/datakluis/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin datakluis \
    && install -d -o datakluis -g datakluis /data
COPY --from=build /opt/datakluis /opt/datakluis
USER 10001
ENV DATAKLUIS_DATA=/data DATAKLUIS_HOST=0.0.0.0 DATAKLUIS_PORT=3000 PYTHONDONTWRITEBYTECODE=1
VOLUME /data
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s \
    CMD ["/opt/datakluis/bin/datakluis", "health"]
ENTRYPOINT ["/opt/datakluis/bin/datakluis"]
CMD ["serve"]
