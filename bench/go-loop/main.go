// go-loop migrates a table as dynamo-drift does, for `cargo xtask bench`: with aws-sdk-go v1, one consistent scan in sequence,
// a callback an item behind a barrier a page, all actions queued in memory, then one UpdateItem an action behind a barrier
// each 100 × concurrency. Nothing is guarded and nothing is kept on the disk.
//
//	go-loop ENDPOINT TABLE KEY CONCURRENCY
//
// It prints how many items it wrote; any error ends it. Where dynamo-drift leaves something to its caller, the faster choice is
// made here: connections are kept for all that is at work at a time, and the SDK's retries and its checks of what is sent are off.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/dynamodb"
	"github.com/aws/aws-sdk-go/service/dynamodb/dynamodbattribute"
)

// perWorker is how much of a page, and of the queue, goes between two barriers for each worker.
const perWorker = 100

type item map[string]*dynamodb.AttributeValue

// action is one queued UpdateItem.
type action struct {
	keys, values item
	expression   string
	names        map[string]*string
}

// queue holds all actions until the scan is over.
type queue struct {
	sync.Mutex
	actions []action
}

func (q *queue) update(keys item, values any, expression string, names map[string]string) error {
	marshalled, err := dynamodbattribute.MarshalMap(values)
	if err != nil {
		return err
	}
	pointers := make(map[string]*string, len(names))
	for placeholder, name := range names {
		pointers[placeholder] = aws.String(name)
	}
	q.Lock()
	defer q.Unlock()
	q.actions = append(q.actions, action{keys, marshalled, expression, pointers})
	return nil
}

// migration is run once for each item.
type migration func(item, *queue) error

func touch(key string) migration {
	return func(it item, q *queue) error {
		id, found := it[key]
		if !found {
			return fmt.Errorf("an item without %q", key)
		}
		values := struct {
			Value bool `dynamodbav:":value"`
		}{true}
		return q.update(item{key: id}, values, "SET #added = :value", map[string]string{"#added": "touched"})
	}
}

// each hands every job to one of so many goroutines, and waits until all are done: a barrier. The first error counts.
func each[T any](concurrency int, jobs []T, do func(T) error) error {
	var (
		waiting sync.WaitGroup
		once    sync.Once
		first   error
	)
	handed := make(chan T, len(jobs))
	for _, job := range jobs {
		handed <- job
	}
	close(handed)
	for range concurrency {
		waiting.Add(1)
		go func() {
			defer waiting.Done()
			for job := range handed {
				if err := do(job); err != nil {
					once.Do(func() { first = err })
					return
				}
			}
		}()
	}
	waiting.Wait()
	return first
}

func callbacks(db *dynamodb.DynamoDB, table string, concurrency int, migrate migration) (*queue, error) {
	q := &queue{}
	scan := &dynamodb.ScanInput{
		ConsistentRead: aws.Bool(true),
		TableName:      &table,
		Limit:          aws.Int64(int64(perWorker * concurrency)),
	}
	for {
		page, err := db.Scan(scan)
		if err != nil {
			return nil, fmt.Errorf("the scan failed: %w", err)
		}
		err = each(concurrency, page.Items, func(it map[string]*dynamodb.AttributeValue) error { return migrate(it, q) })
		if err != nil {
			return nil, err
		}
		if len(page.LastEvaluatedKey) == 0 {
			return q, nil
		}
		scan.ExclusiveStartKey = page.LastEvaluatedKey
	}
}

func execute(db *dynamodb.DynamoDB, table string, concurrency int, actions []action) error {
	for len(actions) > 0 {
		some := min(len(actions), perWorker*concurrency)
		err := each(concurrency, actions[:some], func(a action) error {
			_, err := db.UpdateItem(&dynamodb.UpdateItemInput{
				TableName:                 &table,
				Key:                       a.keys,
				UpdateExpression:          aws.String(a.expression),
				ExpressionAttributeValues: a.values,
				ExpressionAttributeNames:  a.names,
			})
			return err
		})
		if err != nil {
			return fmt.Errorf("an update failed: %w", err)
		}
		actions = actions[some:]
	}
	return nil
}

func connect(endpoint string, concurrency int) (*dynamodb.DynamoDB, error) {
	transport := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		MaxIdleConns:        concurrency,
		MaxIdleConnsPerHost: concurrency,
	}
	made, err := session.NewSession(&aws.Config{
		Endpoint:               &endpoint,
		Region:                 aws.String("us-east-1"),
		Credentials:            credentials.NewStaticCredentials("bench", "bench", ""),
		HTTPClient:             &http.Client{Transport: transport},
		MaxRetries:             aws.Int(0),
		DisableParamValidation: aws.Bool(true),
	})
	if err != nil {
		return nil, err
	}
	return dynamodb.New(made), nil
}

func run(endpoint, table, key string, concurrency int) (int, error) {
	db, err := connect(endpoint, concurrency)
	if err != nil {
		return 0, err
	}
	q, err := callbacks(db, table, concurrency, touch(key))
	if err != nil {
		return 0, err
	}
	return len(q.actions), execute(db, table, concurrency, q.actions)
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: go-loop ENDPOINT TABLE KEY CONCURRENCY")
		os.Exit(2)
	}
	concurrency, err := strconv.Atoi(os.Args[4])
	if err != nil || concurrency < 1 {
		fmt.Fprintf(os.Stderr, "go-loop: %q is no concurrency: a number from 1 on\n", os.Args[4])
		os.Exit(2)
	}
	written, err := run(os.Args[1], os.Args[2], os.Args[3], concurrency)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go-loop:", err)
		os.Exit(1)
	}
	fmt.Println(written)
}
