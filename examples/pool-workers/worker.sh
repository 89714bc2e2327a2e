#!/usr/bin/env bash
# Answers each task with the length of its request. A loop that answers each line with one line is a correct worker.
while IFS= read -r line; do
  case $line in
    *'"op":"bye"'*) break ;;
    *) printf '{"stdout":"%d characters"}\n' "${#line}" ;;
  esac
done
