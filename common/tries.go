package common

import (
	"errors"
	"net"

	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/request"
)

// Tries watches the tries that the SDK makes of one call. AWS's response to the last try can only be read with what became of those
// before it: a delete whose response was lost is tried again, and finds nothing. The zero value is ready; pass its Watch method as a
// request option.
type Tries struct{ lost bool }

// Watch is a request option.
func (t *Tries) Watch(req *request.Request) {
	req.Handlers.CompleteAttempt.PushBack(func(r *request.Request) {
		if r.Error != nil && Ambiguous(FromAWS(r.Error, "try")) && !neverLeft(r.Error) {
			t.lost = true
		}
	})
}

// neverLeft reports whether the call failed before there was a connection to send it over.
func neverLeft(err error) bool {
	if ae, ok := errors.AsType[awserr.Error](err); ok && ae.OrigErr() != nil {
		err = ae.OrigErr()
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// Lost reports whether a try may have taken effect although its response never came.
func (t *Tries) Lost() bool { return t.lost }

// Deleted returns err, with which a delete ended, or nil if an earlier try of the same call may be why there is nothing to delete.
func (t *Tries) Deleted(err error) error {
	if t.lost && Is(err, NotFound) {
		return nil
	}
	return err
}
