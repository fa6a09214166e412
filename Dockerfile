# The mock: a stand-in for the service, for tests. docs/how-to/docker.md shows how to run it.
#
#     docker build -t kling-elements-mock . && docker run --rm -p 127.0.0.1:8080:8080 kling-elements-mock
FROM python:3.13-slim AS build
WORKDIR /source
COPY . .
RUN python -m venv /mock && /mock/bin/pip install --no-cache-dir '.[mock]'

FROM python:3.13-slim
COPY --from=build /mock /mock
RUN useradd --system --no-create-home --shell /usr/sbin/nologin mock
USER mock
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
    CMD ["/mock/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/_mock/health', timeout=2)"]
# Within the container the mock must listen on all addresses; publish the port on the loopback.
ENTRYPOINT ["/mock/bin/kling-elements", "mock", "--host", "0.0.0.0", "--port", "8080"]
