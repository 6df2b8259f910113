package cases

import "drift-host.local/drift"

// Undo makes a price text, tags a list and a name another, and puts a copy elsewhere.
func Undo(item drift.Item, actions *drift.Actions) error {
	if price, has := item["price"].(drift.Number); has {
		item["amount"] = string(price)
		delete(item, "price")
		key, err := drift.KeyOf(item)
		if err != nil {
			return err
		}
		actions.Insert("Others", key, drift.Keep)
	}
	if tags, has := item["tags"].(drift.StringSet); has {
		labels := drift.List{}
		for _, tag := range tags {
			labels = append(labels, tag)
		}
		item["labels"] = labels
		delete(item, "tags")
	}
	_, err := item.Rename("a.b", "ab")
	return err
}

// UndoBack is the way back.
func UndoBack(item drift.Item, actions *drift.Actions) error {
	if amount, has := item["amount"].(string); has {
		price, err := drift.Num(amount)
		if err != nil {
			return err
		}
		item["price"] = price
		delete(item, "amount")
		key, err := drift.KeyOf(item)
		if err != nil {
			return err
		}
		actions.Delete("Others", key)
	}
	if labels, has := item["labels"].(drift.List); has {
		tags := drift.StringSet{}
		for _, label := range labels {
			tags = append(tags, label.(string))
		}
		item["tags"] = tags
		delete(item, "labels")
	}
	_, err := item.Rename("ab", "a.b")
	return err
}
