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
# For a machine with a GPU: --build-arg TORCH_BUILD=cuda; the driver comes from the host.
ARG TORCH_BUILD=""
RUN TORCH_BUILD="$TORCH_BUILD" make setup
# What else is installed: --build-arg EXTRAS=cluster for engines on a Ray cluster.
ARG EXTRAS=""
RUN if [ -n "$EXTRAS" ]; then sh scripts/install.sh python3 .venv "$EXTRAS"; fi
# Models that are part of the image: --build-arg MODELS="whisper-base smart-turn"; an
# image without any hears simple English.
ARG MODELS=""
RUN if [ -n "$MODELS" ]; then .venv/bin/voiceserver models get $MODELS; fi

EXPOSE 8080
ENTRYPOINT [".venv/bin/voiceserver"]
CMD ["serve"]
