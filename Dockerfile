# Runs `matinee serve`. Build: docker build -t matinee . ; run: see compose.yaml and docs/how-to/serve.md.
FROM python:3.12-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake g++ make && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY pyproject.toml CMakeLists.txt README.md LICENSE ./
COPY kernels kernels
COPY src src
RUN python -m venv /opt/matinee \
    && /opt/matinee/bin/pip install --no-cache-dir ".[web,postgres]"

FROM python:3.12-slim-bookworm
# A number that is the same everywhere, so that the owner of a volume is known before the container runs.
RUN useradd --system --uid 10001 --home-dir /var/lib/matinee --shell /usr/sbin/nologin matinee \
    && install -d -o matinee -g matinee -m 0700 /var/lib/matinee
COPY --from=build /opt/matinee /opt/matinee
ENV PATH=/opt/matinee/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MATINEE_FOLDER=/var/lib/matinee
USER 10001
WORKDIR /var/lib/matinee
VOLUME /var/lib/matinee
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/ready', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["matinee"]
CMD ["serve", "--host", "0.0.0.0", "--log-format", "json"]
