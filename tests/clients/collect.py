"""Sends events as the official Python SDK lays them out, and a stream of lines as a script would.

Reads {"url", "token", "events", "lines"} from stdin. Sends each event in both modes, the first mode
taking turns, then the lines as one chunked stream. Writes what was answered to stdout, as JSON.
"""

import json
import sys
import urllib.error
import urllib.request
from datetime import datetime

from cloudevents.core.bindings.http import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent


def post(task, headers, body):
    """Posts a body; gives status and text of the answer, whatever it is."""
    headers = {**headers, "authorization": f"Bearer {task['token']}"}
    request = urllib.request.Request(f"{task['url']}/v1/events", body, headers, method="POST")
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def sdk_event(event):
    """The event as the SDK holds it."""
    attributes = {name: value for name, value in event.items() if name != "data"}
    attributes["time"] = datetime.fromisoformat(attributes["time"])
    attributes["datacontenttype"] = "application/json"
    return CloudEvent(attributes, event["data"])


def main():
    task = json.load(sys.stdin)
    modes = {"structured": to_structured, "binary": to_binary}
    answers = []
    for number, event in enumerate(task["events"]):
        names = list(modes) if number % 2 == 0 else list(modes)[::-1]
        for name in names:
            message = modes[name](sdk_event(event), JSONFormat())
            status, text = post(task, message.headers, message.body)
            answers.append({"mode": name, "status": status, "body": json.loads(text)})
    # A generator has no length, so the stream goes out in chunks.
    lines = (json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in task["lines"])
    status, text = post(task, {"content-type": "application/x-ndjson"}, lines)
    answers.append({"mode": "lines", "status": status, "body": [json.loads(line) for line in text.splitlines()]})
    json.dump(answers, sys.stdout)


main()
