package config

import (
	"maps"
	"slices"
)

// Token opens the API to one caller. In the file it may be a plain string: then it opens the whole API.
type Token struct {
	Token Secret `json:"token"`
	// Accounts are the accounts that the caller may use; nil for all.
	Accounts []string `json:"accounts"`
	// ReadOnly lets the caller send reads and dry runs only.
	ReadOnly bool `json:"readOnly"`
}

// short returns what a bare string in place of the object sets.
func (t *Token) short() any { return &t.Token }

// DefaultCaller is the name of whoever comes with Config.Token, beside the names in Config.Tokens.
const DefaultCaller = "default"

// Callers returns every token that opens the API, by the name of the caller who carries it.
func (c *Config) Callers() map[string]Token {
	all := make(map[string]Token, len(c.Tokens)+1)
	maps.Copy(all, c.Tokens)
	if c.Token != "" {
		all[DefaultCaller] = Token{Token: c.Token}
	}
	return all
}

// checkTokens checks the tokens. A short one is accepted: a deployment's callers have what they have.
func (c *Config) checkTokens(ps *problems) {
	if c.Token == "" && len(c.Tokens) == 0 {
		ps.add("token", "must be set, here, as one of tokens, or in the environment as ECS_API_TOKEN")
	}
	owner := map[Secret]string{}
	check := func(key string, token Secret) {
		if detail := wrongToken(string(token)); detail != "" {
			ps.add(key, "%s", detail)
		} else if other, taken := owner[token]; taken {
			ps.add(key, "is the same as %s: every caller needs a token of its own", other)
		} else {
			owner[token] = key
		}
	}
	if c.Token != "" {
		check("token", c.Token)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Tokens)) {
		key, token := sub("tokens", name), c.Tokens[name]
		ps.unless(isSafeName(name), key, "must be named with 1 to 128 letters, digits, dots, dashes or underscores: the name stands for the caller in the log")
		ps.unless(name != DefaultCaller || c.Token == "", key, "must have another name: "+DefaultCaller+" is whoever comes with token")
		check(key, token.Token)
		ps.unless(token.Accounts == nil || len(token.Accounts) > 0, sub(key, "accounts"), "must name an account, or be left out for all of them")
		for i, account := range token.Accounts {
			_, there := c.Accounts[account]
			ps.unless(there, at(sub(key, "accounts"), i), "must be one of accounts")
		}
	}
}
