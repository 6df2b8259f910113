(component
  (import "acme:metrics/counter@1.0.0" (instance))
  (core module $m (func (export "f")))
  (core instance $i (instantiate $m))
  (func $f (canon lift (core func $i "f")))
  (export "describe" (func $f))
  (export "migrate" (func $f)))
