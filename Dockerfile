# One image for all services; the command names which: `docker run backbus backbus.services.broker`.
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
ENV PATH=/opt/venv/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
WORKDIR /src
COPY requirements.lock ./
RUN pip install --require-hashes --no-deps -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
# A link in the package leads to the services; it is copied as it is, and leads there again.
COPY shared shared
COPY services services
RUN pip install --no-build-isolation --no-deps .

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    BACKBUS_CACHE=/opt/backbus/cache \
    BACKBUS_STATE=/var/lib/backbus \
    BACKBUS_LOG_JSON=true
RUN useradd --system --uid 10001 --user-group --home-dir /opt/backbus --no-create-home backbus \
    && install -d -o backbus -g backbus -m 0750 /opt/backbus /opt/backbus/cache /var/lib/backbus
COPY --from=build /opt/venv /opt/venv
# Compiled code is found again by its source's time of change, which an image keeps in whole seconds only.
RUN find /opt/venv/lib/python3*/site-packages/backbus -name '*.py' -exec touch -d '2020-01-01 00:00:00 UTC' {} + \
    && python -m compileall -q /opt/venv/lib/python3*/site-packages/backbus
USER backbus
WORKDIR /opt/backbus
# By the user that will read it; where it runs on another kind of processor, it is compiled again at its start.
RUN backbus compile
ENTRYPOINT ["python", "-P", "-m"]
CMD ["backbus.services.orchestrator"]
