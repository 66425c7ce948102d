package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"strings"
	"sync"
)

const (
	headerBytes = 16
	mostBytes   = 64 << 20
	opMsg       = 2013
	flagsAt     = 16
	// Flags, kind and size of the first section, type of its first element: then the command's name.
	nameAt         = flagsAt + 4 + 1 + 4 + 1
	flagMoreToCome = 1 << 1
)

// FerretDB 1.24 finds the documents of an update first and writes them afterwards, so that of several updates with one
// expectation more than one succeeds. MongoDB promises that each change of one document is atomic. Here one command at a
// time passes, which keeps that promise.
var turn sync.Mutex

func takeTurns(listener net.Listener, socket string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(client, socket)
	}
}

func serve(client net.Conn, socket string) {
	defer client.Close()
	server, err := net.Dial("unix", socket)
	if err != nil {
		log.Print(err)
		return
	}
	defer server.Close()
	for {
		request, err := readMessage(client)
		if err != nil {
			return
		}
		answer, err := exchange(server, request)
		if err != nil {
			log.Print(err)
			return
		}
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

func exchange(server net.Conn, request []byte) ([]byte, error) {
	if takesTurns(request) {
		turn.Lock()
		defer turn.Unlock()
	}
	if _, err := server.Write(request); err != nil {
		return nil, err
	}
	if !isAnswered(request) {
		return nil, nil
	}
	return readMessage(server)
}

// takesTurns is false for a greeting, by which a driver also asks whether the server lives: it must not wait for others.
func takesTurns(message []byte) bool {
	if binary.LittleEndian.Uint32(message[12:]) != opMsg || len(message) <= nameAt {
		return false
	}
	name, _, _ := bytes.Cut(message[nameAt:], []byte{0})
	return !strings.EqualFold(string(name), "hello") && !strings.EqualFold(string(name), "ismaster")
}

// isAnswered is false for a message whose sender says that it wants no answer.
func isAnswered(message []byte) bool {
	if binary.LittleEndian.Uint32(message[12:]) != opMsg || len(message) < flagsAt+4 {
		return true
	}
	return binary.LittleEndian.Uint32(message[flagsAt:])&flagMoreToCome == 0
}

func readMessage(from io.Reader) ([]byte, error) {
	header := make([]byte, headerBytes)
	if _, err := io.ReadFull(from, header); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(header)
	if size < headerBytes || size > mostBytes {
		return nil, errors.New("not a message of MongoDB's protocol")
	}
	message := make([]byte, size)
	copy(message, header)
	_, err := io.ReadFull(from, message[headerBytes:])
	return message, err
}
