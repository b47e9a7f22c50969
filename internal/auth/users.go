package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"sync"
	"time"
)

// Bounds of what guesses may cost.
const (
	// pause is how long a wrong answer takes, however soon it is known.
	pause = time.Second
	// maxPaused bounds those that wait for a wrong answer.
	maxPaused = 64
	// maxHashing bounds the hashes that are computed at a time, maxQueued those that
	// wait for that.
	maxHashing = 2
	maxQueued  = 128
	// maxKnown bounds the good answers that are remembered.
	maxKnown = 1024
)

// Errors of Check.
var (
	ErrDenied = errors.New("user and password do not fit")
	ErrBusy   = errors.New("too many others are guessing")
)

// Users are those who may use the proxy. Make them with Parse.
type Users struct {
	verify func(user, password string) bool
	cheap  bool // verify needs no turn
	key    []byte

	hashing chan struct{} // has a place for each hash that is being computed
	mu      sync.Mutex    // guards what follows
	known   map[[sha256.Size]byte]struct{}
	queued  int
	paused  int
}

func newUsers(cheap bool, verify func(user, password string) bool) *Users {
	u := &Users{verify: verify, cheap: cheap, key: make([]byte, 32), hashing: make(chan struct{}, maxHashing), known: make(map[[sha256.Size]byte]struct{})}
	rand.Read(u.key)
	return u
}

// Check tells whether user and password fit: nil, ErrDenied after a pause, or
// ErrBusy at once. It ends early with ctx.
func (u *Users) Check(ctx context.Context, user, password string) error {
	began := time.Now()
	if u.cheap {
		if u.verify(user, password) {
			return nil
		}
		return u.deny(ctx, began)
	}
	print := u.print(user, password)
	u.mu.Lock()
	if _, ok := u.known[print]; ok {
		u.mu.Unlock()
		return nil
	}
	if u.queued >= maxQueued || u.paused >= maxPaused {
		u.mu.Unlock()
		return ErrBusy
	}
	u.queued++
	u.mu.Unlock()
	good, err := u.hash(ctx, user, password)
	u.mu.Lock()
	u.queued--
	if good {
		if len(u.known) >= maxKnown {
			for k := range u.known { // any one will do
				delete(u.known, k)
				break
			}
		}
		u.known[print] = struct{}{}
	}
	u.mu.Unlock()
	if err != nil || good {
		return err
	}
	return u.deny(ctx, began)
}

// hash waits for a turn and computes.
func (u *Users) hash(ctx context.Context, user, password string) (bool, error) {
	select {
	case u.hashing <- struct{}{}:
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
	defer func() { <-u.hashing }()
	return u.verify(user, password), nil
}

// deny waits until the answer may be told.
func (u *Users) deny(ctx context.Context, began time.Time) error {
	u.mu.Lock()
	if u.paused >= maxPaused {
		u.mu.Unlock()
		return ErrBusy
	}
	u.paused++
	u.mu.Unlock()
	defer func() {
		u.mu.Lock()
		u.paused--
		u.mu.Unlock()
	}()
	timer := time.NewTimer(time.Until(began.Add(pause)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ErrDenied
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// print is what a good answer is remembered by: it tells nothing to who reads the
// memory of another process, or a core dump without the key.
func (u *Users) print(user, password string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, u.key)
	h.Write([]byte(user))
	h.Write([]byte{0})
	h.Write([]byte(password))
	h.Sum(sum[:0])
	return sum
}

// same compares in a time that tells nothing of the texts but their lengths.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
