# One image for every process of the house; docker-compose.yml says which one a container runs.
FROM python:3.11-slim AS build
RUN python -m venv /opt/linli
ENV PATH=/opt/linli/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements.lock ./
RUN pip install --require-hashes --only-binary :all: -r requirements.lock

# Our own packages are copied and not built: a build backend would be more that has to come with hashes.
FROM python:3.11-slim
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin linli
COPY --from=build /opt/linli /opt/linli
WORKDIR /app
COPY LICENSE LICENSE
COPY migrations migrations
COPY seeds seeds
COPY services services
COPY shared shared
# Compiled here, because a container's root may not be written to.
RUN /opt/linli/bin/python -m compileall -q seeds services shared
ENV PATH=/opt/linli/bin:$PATH \
    PYTHONPATH=/app \
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
CMD ["python", "-m", "services.stack.cli", "--help"]
