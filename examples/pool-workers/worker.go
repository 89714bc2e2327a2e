// Answers each task with its stdin in capitals: JSON lines, each task in a goroutine of its own.
package main

import (
	"encoding/json"
	"os"
	"strings"
	"sync"
)

func main() {
	var out sync.Mutex
	encoder, requests := json.NewEncoder(os.Stdout), json.NewDecoder(os.Stdin)
	say := func(answer map[string]any) {
		out.Lock()
		defer out.Unlock()
		encoder.Encode(answer)
	}
	var request struct{ Op, Stdin string; ID int }
	for requests.Decode(&request) == nil && request.Op != "bye" {
		switch id, stdin := request.ID, request.Stdin; request.Op {
		case "ping":
			say(map[string]any{"op": "pong", "id": id})
		case "task":
			go func() { say(map[string]any{"id": id, "stdout": strings.ToUpper(stdin)}) }()
		}
		request.Stdin = "" // what a request leaves out must not stay from the one before
	}
}
