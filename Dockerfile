# One image for the web server, the worker, the sweeper and the migrations: docker-compose.yml says which it is.

FROM python:3.13.15-slim-trixie AS packages
WORKDIR /build
COPY requirements*.lock ./
# Optional parts of the server: the names of requirements-NAME.lock. `--build-arg EXTRA=` leaves their packages out.
ARG EXTRA="handling oidc s3 xlsx"
# wheels alone, so that nothing is compiled; only files whose hash a lock holds; pip itself stays behind
RUN python -m venv --without-pip /opt/backout \
    && for name in $EXTRA; do set -- "$@" --requirement "requirements-$name.lock"; done \
    && pip --python /opt/backout/bin/python install --no-cache-dir --only-binary=:all: --require-hashes \
    --requirement requirements.lock "$@"


FROM python:3.13.15-slim-trixie
# Celery asks for the account's name; its number is what Kubernetes' runAsNonRoot and the compose file check.
# A new volume at /spool takes its owner and mode from this folder.
RUN groupadd --gid 10001 backout \
    && useradd --uid 10001 --gid backout --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin backout \
    && install --directory --owner=backout --group=backout --mode=0700 /spool
ENV PATH=/opt/backout/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BACKOUT_SPOOL_DIR=/spool
WORKDIR /backout
COPY --from=packages /opt/backout /opt/backout
COPY gunicorn.conf.py wsgi.py celeryconfig.py handlingconfig.py docker/connected.py ./
COPY app app
COPY backout backout
USER 10001:10001
# keys are required (BACKOUT_API_KEYS_FILE) once BACKOUT_HOST lets other machines in
CMD ["gunicorn", "--config", "gunicorn.conf.py", "wsgi:app"]
