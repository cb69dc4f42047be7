package localaws

import (
	"fmt"
	"math"
	"reflect"
)

// checkIntegers refuses a request with a number that AWS's 32 bits do not hold where its model has an integer. The SDK keeps integers and longs alike in an int64.
func checkIntegers(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			return checkIntegers(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			if err := checkIntegers(v.Index(i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		return checkFields(v)
	}
	return nil
}

// checkFields is checkIntegers for a struct.
func checkFields(v reflect.Value) error {
	for f, value := range v.Fields() {
		if !f.IsExported() {
			continue
		}
		if n, ok := value.Interface().(*int64); ok && n != nil && f.Tag.Get("type") == "integer" && (*n > math.MaxInt32 || *n < math.MinInt32) {
			return fmt.Errorf("%s: %d cannot be converted to an integer of 32 bits", f.Name, *n)
		}
		if err := checkIntegers(value); err != nil {
			return err
		}
	}
	return nil
}
