// Package tokens knows callers by their tokens, and what each token opens. It owns one rule: to compare tokens tells nothing of them, and to hash what
// somebody sends costs no more than it must.
package tokens

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"

	"ecs-api/common"
	"ecs-api/config"
)

// Header is the header that carries a token.
const Header = "X-Auth-Token"

const (
	// maxCost is the highest bcrypt cost that is worked on: whoever sends a hash chooses what it costs us.
	maxCost = 12
	// bcryptLen is the length of every bcrypt hash.
	bcryptLen = 60
	// maxRemembered is how many hashes are remembered, of either outcome.
	maxRemembered = 1024
	// maxWait is how long a request waits for its turn to hash.
	maxWait = 30 * time.Second
)

// digest stands for a token or a hash, so that comparing tells nothing of their length.
type digest [sha256.Size]byte

// Authenticator knows the callers by their tokens. A caller sends the token itself or a bcrypt hash of it.
type Authenticator struct {
	grants  []*Grant
	tokens  [][]byte
	digests []digest
	turns   chan struct{} // hashing takes long; it gets half of the processors, so that others are served meanwhile
	right   memory        // hashes of a token, with their caller
	wrong   memory        // hashes of none, apart, so that sending many pushes no right one out
}

// Grant is what a token opens.
type Grant struct {
	Caller   string
	Accounts []string // nil: all
	ReadOnly bool
}

// New returns the authenticator of the callers, by name.
func New(callers map[string]config.Token) *Authenticator {
	a := &Authenticator{turns: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
	for _, name := range slices.Sorted(maps.Keys(callers)) {
		t := callers[name]
		token := []byte(t.Token.Reveal())
		a.grants = append(a.grants, &Grant{Caller: name, Accounts: t.Accounts, ReadOnly: t.ReadOnly})
		a.tokens = append(a.tokens, token)
		a.digests = append(a.digests, sha256.Sum256(token))
	}
	return a
}

// Grant returns what whoever sent header may do, or a Forbidden error.
func (a *Authenticator) Grant(ctx context.Context, header string) (*Grant, error) {
	sent := digest(sha256.Sum256([]byte(header)))
	found := -1
	for i := range a.digests { // all of them, however early one fits
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(a.digests[i][:], sent[:]), i, found)
	}
	if found >= 0 {
		return a.grants[found], nil
	}
	if header == "" {
		return nil, common.Errorf(common.Forbidden, "there is no token: send one of the server's config in the header %s", Header)
	}
	forbidden := common.Errorf(common.Forbidden, "the token in the header %s is not one that the server knows: send one of its config, or a bcrypt hash of one, of cost %d at most", Header, maxCost)
	if !worthHashing(header) {
		return nil, forbidden
	}
	g, err := a.hashed(ctx, sent, header)
	if err == nil && g == nil {
		return nil, forbidden
	}
	return g, err
}

// worthHashing reports whether header is a bcrypt hash that does not cost too much to check.
func worthHashing(header string) bool {
	if len(header) != bcryptLen || !strings.HasPrefix(header, "$2") {
		return false
	}
	cost, err := bcrypt.Cost([]byte(header))
	return err == nil && cost <= maxCost
}

// hashed returns what the token opens that the hash was made of; nil if it was made of none.
func (a *Authenticator) hashed(ctx context.Context, sent digest, hash string) (*Grant, error) {
	if g, known := a.recall(sent); known {
		return g, nil
	}
	ctx, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	select {
	case a.turns <- struct{}{}:
		defer func() { <-a.turns }()
	case <-ctx.Done():
		return nil, common.Errorf(common.Unavailable, "too many callers send hashed tokens at once; try again, or send the token itself")
	}
	if g, known := a.recall(sent); known { // somebody before us in the queue sent the same
		return g, nil
	}
	for i, token := range a.tokens {
		if bcrypt.CompareHashAndPassword([]byte(hash), token) == nil {
			a.right.put(sent, a.grants[i])
			return a.grants[i], nil
		}
	}
	a.wrong.put(sent, nil)
	return nil, nil
}

func (a *Authenticator) recall(sent digest) (g *Grant, known bool) {
	if g, known = a.right.get(sent); known {
		return g, true
	}
	return a.wrong.get(sent)
}

// memory remembers grants by what callers sent. When it is full it starts anew.
type memory struct {
	mu     sync.Mutex
	grants map[digest]*Grant
}

func (m *memory) get(d digest) (g *Grant, known bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g, known = m.grants[d]
	return g, known
}

func (m *memory) put(d digest, g *Grant) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.grants == nil || len(m.grants) >= maxRemembered {
		m.grants = map[digest]*Grant{}
	}
	m.grants[d] = g
}

// Allows reports whether the account may be used.
func (g *Grant) Allows(account string) bool {
	return g.Accounts == nil || slices.Contains(g.Accounts, account)
}
