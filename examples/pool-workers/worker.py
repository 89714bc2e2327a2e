#!/usr/bin/env python3
"""Answers each task with its stdin in capitals: JSON lines, one task after the other."""
import json
import sys

for line in sys.stdin:
    request = json.loads(line)
    answer = {"id": request["id"]}
    if request["op"] == "bye":
        break
    if request["op"] == "cancel":
        continue  # one at a time: what is to be cancelled has been answered already
    if request["op"] == "ping":
        answer["op"] = "pong"
    else:
        try:
            answer["stdout"] = request.get("stdin", "").upper()
        except Exception as error:
            answer.update(op="fail", message=str(error))
    print(json.dumps(answer), flush=True)
