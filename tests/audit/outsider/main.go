// A verifier that shares no code with Garant: Go's own packages note and tlog (golang.org/x/mod/sumdb), and what is needed to feed them.
//
// It reads one job a line from standard input, words apart by tabs, and answers each with one line: "ok …" or "bad …".
//
//	log FOLDER KEYS         an export: checkpoint, older checkpoints, cosignatures, tiles, entries
//	proof FILE LEAF KEYS    a .tlog-proof file over the bytes of an entry
//	growth FILE NOTE KEYS   a proof of growth (tlog-witness) from the state of a note
//	write COUNT             a log of its own as JSON: notes, roots and proofs for others to check
//
// KEYS are verifier keys, commas between them: the log's (type 1) and witnesses' (type 4).
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const width = 256

type checkpoint struct {
	origin string
	size   int64
	root   tlog.Hash
}

// A cosigner is a witness's key (C2SP tlog-cosignature, version 1), which package note does not know.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(msg, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	text := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
	return ed25519.Verify(c.key, []byte(text), sig[8:])
}

func verifier(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) == 3 {
		if key, err := base64.StdEncoding.DecodeString(parts[2]); err == nil && len(key) == 33 && key[0] == 4 {
			sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
			return cosigner{parts[0], binary.BigEndian.Uint32(sum[:]), key[1:]}, nil
		}
	}
	return note.NewVerifier(vkey)
}

func verifiers(keys string) (note.Verifiers, error) {
	var list []note.Verifier
	for _, vkey := range strings.Split(keys, ",") {
		one, err := verifier(vkey)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return note.VerifierList(list...), nil
}

func open(msg []byte, known note.Verifiers) (*checkpoint, error) {
	opened, err := note.Open(msg, known)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 {
		return nil, errors.New("no checkpoint")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || strconv.FormatInt(size, 10) != lines[1] {
		return nil, errors.New("no size")
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return nil, err
	}
	for _, signature := range opened.Sigs {
		if signature.Name == lines[0] {
			return &checkpoint{lines[0], size, root}, nil
		}
	}
	return nil, errors.New("not signed by the log itself")
}

// folder reads tiles by the paths of C2SP tlog-tiles, which leave out the height.
type folder string

func (f folder) Height() int { return 8 }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(string(f), strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", tile.Path(), len(data))
		}
		found = append(found, data)
	}
	return found, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) bundle(n, w int64) ([][]byte, error) {
	path := tlog.Tile{H: 8, L: 0, N: n, W: int(w)}.Path()
	data, err := os.ReadFile(filepath.Join(string(f), strings.Replace(path, "tile/8/0/", "tile/entries/", 1)))
	if err != nil {
		return nil, err
	}
	var leaves [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, errors.New("a bundle ends within an entry")
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		leaves = append(leaves, data[2:end])
		data = data[end:]
	}
	if int64(len(leaves)) != w {
		return nil, fmt.Errorf("a bundle holds %d entries instead of %d", len(leaves), w)
	}
	return leaves, nil
}

func checkLog(dir, keys string) (string, error) {
	known, err := verifiers(keys)
	if err != nil {
		return "", err
	}
	msg, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return "", err
	}
	head, err := open(msg, known)
	if err != nil {
		return "", err
	}
	reader := tlog.TileHashReader(tlog.Tree{N: head.size, Hash: head.root}, folder(dir))
	if err := checkEntries(folder(dir), head.size, reader); err != nil {
		return "", err
	}
	if err := checkTiles(folder(dir), head.size, reader); err != nil {
		return "", err
	}
	if err := checkOlder(dir, head, known, reader); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d entries, root %x", head.size, head.root[:]), nil
}

func checkEntries(dir folder, size int64, reader tlog.HashReader) error {
	for n := int64(0); n*width < size; n++ {
		w := size - n*width
		if w > width {
			w = width
		}
		leaves, err := dir.bundle(n, w)
		if err != nil {
			return err
		}
		indexes := make([]int64, w)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, n*width+int64(i))
		}
		hashes, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, leaf := range leaves {
			if tlog.RecordHash(leaf) != hashes[i] {
				return fmt.Errorf("entry %d is not the one that was signed", n*width+int64(i))
			}
		}
	}
	return nil
}

func checkTiles(dir folder, size int64, reader tlog.HashReader) error {
	var tiles []tlog.Tile
	for level := 0; size>>(8*level) > 0; level++ {
		for n, left := int64(0), size>>(8*level); left > 0; n, left = n+1, left-width {
			w := left
			if w > width {
				w = width
			}
			tiles = append(tiles, tlog.Tile{H: 8, L: level, N: n, W: int(w)})
		}
	}
	for _, tile := range tiles {
		want, err := tlog.ReadTileData(tile, reader)
		if err != nil {
			return err
		}
		found, err := dir.ReadTiles([]tlog.Tile{tile})
		if err != nil {
			return err
		}
		if !bytes.Equal(found[0], want) {
			return fmt.Errorf("%s is not the tile of this log", tile.Path())
		}
	}
	return nil
}

func checkOlder(dir string, head *checkpoint, known note.Verifiers, reader tlog.HashReader) error {
	entries, err := os.ReadDir(filepath.Join(dir, "checkpoints"))
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		msg, err := os.ReadFile(filepath.Join(dir, "checkpoints", entry.Name()))
		if err != nil {
			return err
		}
		if lines, err := os.ReadFile(filepath.Join(dir, "cosignatures", entry.Name())); err == nil {
			msg = append(msg, lines...)
		}
		old, err := open(msg, known)
		if err != nil {
			return fmt.Errorf("%s: %v", entry.Name(), err)
		}
		if old.size == 0 {
			continue
		}
		if old.size > head.size {
			return fmt.Errorf("%s is beyond the log", entry.Name())
		}
		proof, err := tlog.ProveTree(head.size, old.size, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, head.size, head.root, old.size, old.root); err != nil {
			return fmt.Errorf("%s: %v", entry.Name(), err)
		}
	}
	return nil
}

// The keys, and the contents of a proof and of what it is about.
func given(keys, file, about string) (known note.Verifiers, text, data []byte, err error) {
	if known, err = verifiers(keys); err != nil {
		return
	}
	if text, err = os.ReadFile(file); err != nil {
		return
	}
	data, err = os.ReadFile(about)
	return
}

func checkProof(file, leaf, keys string) (string, error) {
	known, text, data, err := given(keys, file, leaf)
	if err != nil {
		return "", err
	}
	head, msg, found := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" || len(lines) < 2 {
		return "", errors.New("no proof")
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return "", errors.New("no index")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	if err != nil {
		return "", err
	}
	hashes, err := parseHashes(lines[1:])
	if err != nil {
		return "", err
	}
	signed, err := open([]byte(msg), known)
	if err != nil {
		return "", err
	}
	return fmt.Sprint(index), tlog.CheckRecord(hashes, signed.size, signed.root, index, tlog.RecordHash(data))
}

func checkGrowth(file, older, keys string) (string, error) {
	known, text, oldNote, err := given(keys, file, older)
	if err != nil {
		return "", err
	}
	head, msg, found := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || !strings.HasPrefix(lines[0], "old ") {
		return "", errors.New("no proof of growth")
	}
	hashes, err := parseHashes(lines[1:])
	if err != nil {
		return "", err
	}
	from, err := open(oldNote, known)
	if err != nil {
		return "", err
	}
	to, err := open([]byte(msg), known)
	if err != nil {
		return "", err
	}
	if lines[0] != fmt.Sprintf("old %d", from.size) {
		return "", errors.New("another old size")
	}
	return fmt.Sprint(to.size), tlog.CheckTree(hashes, to.size, to.root, from.size, from.root)
}

func parseHashes(lines []string) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

type written struct {
	VKey   string
	Note   string
	Older  string
	Leaves [][]byte
	Proofs [][]tlog.Hash
	Growth []tlog.Hash
}

func write(count int64) (*written, error) {
	skey, vkey, err := note.GenerateKey(rand.Reader, "go.example/log")
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		return nil, err
	}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	made := &written{VKey: vkey}
	for n := int64(0); n < count; n++ {
		leaf := []byte(fmt.Sprintf("entry %d", n))
		hashes, err := tlog.StoredHashes(n, leaf, reader)
		if err != nil {
			return nil, err
		}
		stored, made.Leaves = append(stored, hashes...), append(made.Leaves, leaf)
	}
	sign := func(size int64) (string, error) {
		root, err := tlog.TreeHash(size, reader)
		if err != nil {
			return "", err
		}
		text := fmt.Sprintf("go.example/log\n%d\n%s\n", size, root)
		msg, err := note.Sign(&note.Note{Text: text}, signer)
		return string(msg), err
	}
	if made.Note, err = sign(count); err != nil {
		return nil, err
	}
	if made.Older, err = sign((count + 1) / 2); err != nil {
		return nil, err
	}
	for n := int64(0); n < count; n++ {
		proof, err := tlog.ProveRecord(count, n, reader)
		if err != nil {
			return nil, err
		}
		made.Proofs = append(made.Proofs, proof)
	}
	made.Growth, err = tlog.ProveTree(count, (count+1)/2, reader)
	return made, err
}

func answer(words []string) (string, error) {
	switch {
	case words[0] == "log" && len(words) == 3:
		return checkLog(words[1], words[2])
	case words[0] == "proof" && len(words) == 4:
		return checkProof(words[1], words[2], words[3])
	case words[0] == "growth" && len(words) == 4:
		return checkGrowth(words[1], words[2], words[3])
	case words[0] == "write" && len(words) == 2:
		count, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return "", err
		}
		made, err := write(count)
		if err != nil {
			return "", err
		}
		text, err := json.Marshal(made)
		return string(text), err
	}
	return "", fmt.Errorf("no such job: %q", words)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		said, err := answer(strings.Split(lines.Text(), "\t"))
		if err != nil {
			said = "bad " + strings.ReplaceAll(err.Error(), "\n", " ")
		} else {
			said = "ok " + said
		}
		fmt.Println(said)
	}
}
