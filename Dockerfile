# The same steps as `make run`, in an image. Build: docker build -t voiceserver .
# Run on a host with a key: see SECURITY.md; WebRTC needs UDP, so use --network host.
FROM python:3.11-slim-bookworm

RUN apt-get update -q \
    && apt-get install -y -q --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home voiceserver \
    && install -d -o voiceserver -g voiceserver /home/voiceserver/app
USER voiceserver
WORKDIR /home/voiceserver/app
COPY --chown=voiceserver . .
RUN make setup

EXPOSE 8080
ENTRYPOINT [".venv/bin/voiceserver"]
CMD ["serve"]
