# One image for every process of the house; docker-compose.yml says which one a container runs.
FROM python:3.11-slim AS build
WORKDIR /build
RUN python -m venv /opt/linli
ENV PATH=/opt/linli/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock requirements-dev.lock ./
RUN pip install --require-hashes --only-binary :all: -r requirements.lock
# What builds our own package comes from the lock file as well, and stays behind in this stage.
RUN awk '/^[a-z0-9]/ { keep = /^(hatchling|packaging|pathspec|pluggy|trove-classifiers)==/ } keep' requirements-dev.lock \
      > build.lock \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --only-binary :all: -r build.lock
COPY pyproject.toml README.md LICENSE ./
COPY services services
COPY shared shared
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
    && pip install --no-deps --no-index dist/*.whl

FROM python:3.11-slim
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin linli
COPY --from=build /opt/linli /opt/linli
WORKDIR /app
COPY migrations migrations
COPY seeds seeds
ENV PATH=/opt/linli/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MALLOC_ARENA_MAX=2 \
    UVICORN_HOST=0.0.0.0 \
    UVICORN_PORT=8000 \
    UVICORN_LOOP=uvloop \
    UVICORN_HTTP=httptools \
    UVICORN_ACCESS_LOG=false \
    UVICORN_LOG_LEVEL=warning \
    UVICORN_TIMEOUT_KEEP_ALIVE=75 \
    UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN=10
USER 10001:10001
CMD ["linli", "--help"]
