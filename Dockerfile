# One image for every process; the command chooses which. Runs as nobody in particular, on a read-only root.
FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app
WORKDIR /app
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock && python -m compileall -q /usr/local/lib/python3.11
COPY services ./services
COPY shared ./shared
COPY migrations ./migrations
COPY seeds ./seeds
RUN python -m compileall -q services shared migrations && useradd --system --uid 10001 --no-create-home linli
USER 10001
EXPOSE 8000
CMD ["python", "-m", "uvicorn", "--factory", "services.gateway.app:create", "--host", "0.0.0.0", "--port", "8000", "--no-access-log"]
