package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"midstream/flow"
)

const killedChild = "MIDSTREAM_TEST_STORE_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedChild); dir != "" {
		killMe(dir)
	}
	os.Exit(m.Run())
}

// killBody is the body of flow number: its length and octets follow from it.
func killBody(number uint64) []byte {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], number)
	r := rand.NewChaCha8(seed)
	size := int(r.Uint64() % 3000)
	if number%16 == 0 {
		size = int(r.Uint64() % 700_000)
	}
	p := make([]byte, size)
	r.Read(p)
	return p
}

// killMe records flows until it is killed. After each Flush it says which
// numbers are on disk.
func killMe(dir string) {
	s, err := Open(dir, Config{bodiesRoll: 4 << 20, headsRoll: 64 << 10})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	old := s.Start() // lives for ever
	of := answered(exchange(0), 0)
	old.Head(of, flow.ToClient)
	fmt.Println("open", old.Number())
	for {
		var last uint64
		for range 40 {
			old.Piece(flow.ToClient, []byte("data: an event\n\n"))
			r := s.Start()
			last = r.Number()
			f := exchange(int(last))
			r.Head(f, flow.ToServer)
			body := killBody(last)
			f = answered(f, int64(len(body)))
			for rest := body; len(rest) > 0; {
				n := min(len(rest), 10_000)
				r.Piece(flow.ToClient, rest[:n])
				rest = rest[n:]
			}
			r.End(completed(f))
		}
		s.Flush()
		fmt.Println("flushed", last)
	}
}

// TestKilledLosesAtMostTheLastBatch kills a writing process at random moments,
// again and again in one session: every flow older than the last batch is
// whole, and flows without an end say where they were cut.
func TestKilledLosesAtMostTheLastBatch(t *testing.T) {
	t.Parallel()
	rounds := 16
	if os.Getenv("MIDSTREAM_SOAK") != "" {
		rounds = 400
	} else if testing.Short() {
		rounds = 4
	}
	random := rand.New(rand.NewPCG(3, 5))
	dir := filepath.Join(t.TempDir(), "s")
	for round := range rounds {
		if round%40 == 39 {
			os.RemoveAll(dir)
		}
		opened, flushed := killOne(t, dir, random)
		checkKilled(t, dir, opened, flushed, round%2 == 0)
	}
}

// killOne runs one child and kills it.
func killOne(t *testing.T, dir string, random *rand.Rand) (opened, flushed uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killedChild+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	after := 1 + random.IntN(6) // flushes
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		word, number, _ := strings.Cut(lines.Text(), " ")
		n, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			t.Fatalf("child: %s", lines.Text())
		}
		switch word {
		case "open":
			opened = n
		case "flushed":
			flushed = n
			if after--; after == 0 {
				// Somewhere in the batches that follow.
				time.AfterFunc(time.Duration(random.IntN(15_000))*time.Microsecond, func() { cmd.Process.Kill() })
			}
		}
	}
	cmd.Wait()
	return opened, flushed
}

// checkKilled looks at the session as a reader finds it, or after it was opened
// for writing.
func checkKilled(t *testing.T, dir string, opened, flushed uint64, reopen bool) {
	t.Helper()
	if reopen {
		s, err := Open(dir, Config{})
		if err != nil {
			t.Fatal(err)
		}
		if n := s.Start().Number(); n <= flushed {
			t.Fatalf("number %d was given twice", n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	whole := make(map[uint64]bool)
	for s, err := range r.List(context.Background(), ListOptions{After: opened}) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Outcome.Kind == flow.Completed {
			whole[s.Number] = true
		} else if s.Outcome.Kind != flow.Interrupt {
			t.Fatalf("flow %d: %v", s.Number, s.Outcome)
		}
	}
	for n := opened + 1; n <= flushed; n++ {
		if !whole[n] {
			t.Fatalf("flow %d is not whole; %d were flushed", n, flushed)
		}
	}
	for n := range whole {
		if got, want := bodyOf(t, r, n, flow.ToClient), killBody(n); !bytes.Equal(got, want) {
			t.Fatalf("flow %d (flushed up to %d): %d octets, want %d", n, flushed, len(got), len(want))
		}
	}
	f, err := r.Get(context.Background(), opened)
	if err != nil {
		t.Fatal(err)
	}
	b := f.ResponseBody
	if f.Outcome.Kind != flow.Interrupt || b.Record != flow.Cut || b.CutReason == "" || b.Recorded < int64(16*(flushed-opened)) {
		t.Fatalf("the open flow %d: %v, %+v; flushed up to %d", opened, f.Outcome, b, flushed)
	}
	body, err := r.Body(context.Background(), opened, flow.ToClient)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	got, err := io.ReadAll(io.NewSectionReader(body, 0, body.Size()))
	if err != nil || int64(len(got)) != b.Recorded || strings.Trim(strings.ReplaceAll(string(got), "data: an event\n\n", ""), "\n") != "" {
		t.Fatalf("the open flow %d: %d octets of %d, %v", opened, len(got), b.Recorded, err)
	}
}

// copySession takes a picture of a session that is being written, as a process
// that is killed leaves it.
func copySession(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// A stream of more records than one list holds is whole up to the kill.
func TestKilledLongStream(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	r := s.Start()
	r.Head(answered(exchange(1), 0), flow.ToClient)
	var sent []byte
	check := func(from string) {
		t.Helper()
		killed := filepath.Join(t.TempDir(), "killed")
		copySession(t, from, killed)
		for range 2 { // as it is, and after it was opened
			got := bodyOf(t, openRead(t, killed), r.Number(), flow.ToClient)
			if !bytes.Equal(got, sent) {
				t.Fatalf("%d octets, want %d", len(got), len(sent))
			}
			if err := openStore(t, killed, Config{}).Close(); err != nil {
				t.Fatal(err)
			}
		}
		if got := bodyOf(t, openRead(t, killed), r.Number(), flow.ToClient); !bytes.Equal(got, sent) {
			t.Fatalf("opened: %d octets, want %d", len(got), len(sent))
		}
	}
	for i := range 3*maxExtents + 10 {
		event := fmt.Appendf(nil, "data: %d\n\n", i)
		r.Piece(flow.ToClient, event)
		sent = append(sent, event...)
		s.Flush()
		if n := i + 1; n%maxExtents <= 1 && n > 1 {
			check(dir)
		}
	}
	check(dir)
	// The kill came before the map of the first list.
	change(t, segmentPath(dir, bodiesStream, 1), func(p []byte) []byte {
		at := bytes.LastIndex(p, []byte("data: 256\n\n"))
		sent = sent[:bytes.Index(sent, []byte("data: 257\n\n"))]
		return p[:at+len("data: 256\n\n")+crcSize]
	})
	check(dir)
}
