#lang racket/base
;; Recipes as data: scaled to the people at the table, and turned into one shopping list.

(require racket/contract
         racket/list
         racket/match
         racket/string
         (for-syntax racket/base))

(provide (struct-out recipe)
         (struct-out part)
         scaled
         shopping-list)

(struct part (amount unit what) #:transparent)

(struct recipe (name serves parts steps)
  #:transparent
  #:guard (lambda (name serves parts steps _)
            (unless (positive? serves)
              (error 'recipe "~a must serve somebody" name))
            (values name serves parts steps)))

(define units
  (hash 'kg '(g . 1000)
        'l '(ml . 1000)
        'dl '(ml . 100)))

(define pantry (make-parameter '(salt pepper water)))

;; A recipe is written as it is read.
(define-syntax-rule (define-recipe name serves (amount unit what) ...)
  (define name
    (recipe 'name serves (list (part amount 'unit 'what) ...) '())))

(define-syntax unless-in-pantry
  (syntax-rules ()
    [(_ what body ...)
     (if (memq what (pantry)) '() (begin body ...))]))

(define/contract (scaled from people)
  (-> recipe? exact-positive-integer? recipe?)
  (define factor (/ people (recipe-serves from)))
  (struct-copy recipe from
               [serves people]
               [parts (map (times factor) (recipe-parts from))]))

(define ((times factor) one)
  (match-define (part amount unit what) one)
  (part (* factor amount) unit what))

(define (in-base one)
  (match one
    [(part amount unit what)
     (match (hash-ref units unit #f)
       [(cons base factor) (part (* amount factor) base what)]
       [#f one])]))

(define (same? a b)
  (and (eq? (part-what a) (part-what b))
       (eq? (part-unit a) (part-unit b))))

(define (add a b)
  (part (+ (part-amount a) (part-amount b))
        (part-unit a)
        (part-what a)))

(define (gathered parts)
  (define (into one sum)
    (define known (findf (lambda (other) (same? one other)) sum))
    (if known
        (cons (add one known) (remove known sum))
        (cons one sum)))
  (foldl into '() (map in-base parts)))

(define (shopping-list . recipes)
  (define all (append-map recipe-parts recipes))
  (sort (append-map
         (lambda (one)
           (unless-in-pantry (part-what one) (list one)))
         (gathered all))
        symbol<?
        #:key part-what))

(define (shown one)
  (match-define (part amount unit what) one)
  (string-join (list (number->string amount)
                     (symbol->string unit)
                     (symbol->string what))))

(define-recipe pancakes 4
  (250 g flour)
  (5 dl milk)
  (3 piece egg))

(define-recipe soup 2
  (1/2 kg carrot)
  (1 l water))

(module+ main
  (for ([one (shopping-list (scaled pancakes 6) soup)])
    (displayln (shown one))))
