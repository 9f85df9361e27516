"""Speech is written down while it is spoken: here speech.wav is sent at the pace of a microphone."""

import base64
import os
import threading
import time

import av
from openai import OpenAI

URL = os.environ.get("MLXQ_URL", "http://127.0.0.1:8000")
client = OpenAI(base_url=f"{URL}/v1", api_key="none")


def pieces():
    """The recording as 16-bit samples at 24 kHz, and a second of silence, a tenth of a second at a time."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=24_000, frame_size=2400)
    with av.open("speech.wav") as recording:
        for frame in [*recording.decode(audio=0), None]:
            for piece in resampler.resample(frame):
                yield piece.to_ndarray().tobytes()
    yield from [bytes(4800)] * 10


def speak(connection):
    for piece in pieces():
        connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode())
        time.sleep(0.1)


with client.realtime.connect(model="whisper-tiny.en", extra_query={"intent": "transcription"}) as connection:
    threading.Thread(target=speak, args=[connection], daemon=True).start()
    for event in connection:
        if event.type == "conversation.item.input_audio_transcription.completed":
            print(event.transcript)
            break
