# One image, two commands: `zaiko serve` (the default) and `zaiko worker`. The database is a
# PostgreSQL server of its own, named by ZAIKO_DATABASE_URL; see compose.yaml.

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /opt/zaiko
WORKDIR /src
COPY requirements.lock ./
RUN /opt/zaiko/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY app ./app
COPY migrations ./migrations
RUN /opt/zaiko/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11-slim
ENV PATH=/opt/zaiko/bin:$PATH PYTHONUNBUFFERED=1 ZAIKO_DATA_DIR=/var/lib/ltv-zaiko
RUN useradd --system --home-dir /var/lib/ltv-zaiko --create-home zaiko
COPY --from=build /opt/zaiko /opt/zaiko
USER zaiko
VOLUME /var/lib/ltv-zaiko
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
  CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/live', timeout=4)"]
CMD ["zaiko", "serve", "--host", "0.0.0.0"]
