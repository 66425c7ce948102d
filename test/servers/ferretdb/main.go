// FerretDB as a server of the tests: MongoDB's protocol on SQLite files, until its parent ends it.
// Called as `ferretdb ADDRESS DIRECTORY/`. The embedded package reports nothing to anybody.
package main

import (
	"context"
	"log"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("expected: ferretdb ADDRESS DIRECTORY/")
	}
	address, directory := os.Args[1], os.Args[2]
	socket := filepath.Join(directory, "ferretdb.sock")
	// A server that was killed leaves its socket.
	_ = os.Remove(socket)
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{Unix: socket},
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Handler:   "sqlite",
		SQLiteURL: "file:" + directory,
	})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	go takeTurns(listener, socket)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-ended
		// What it acknowledged lies in its files; it would wait for its clients to go.
		os.Exit(0)
	}()
	if err := server.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
