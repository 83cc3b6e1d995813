;;; Text wrapped to a width, with hyphens where a word is too long.

(define-module (wrap)
  #:use-module (srfi srfi-1)
  #:use-module (ice-9 match)
  #:export (wrap-text longest-line))

(define default-width 72)

(define *hyphen* "-")

;; One word with its place in the text.
(define-record-type <word>
  (make-word text line)
  word?
  (text word-text set-word-text!)
  (line word-line))

(define-syntax while
  (syntax-rules ()
    ((_ test body ...)
     (let loop ()
       (when test
         body ...
         (loop))))))

(define-syntax-rule (with-width width body ...)
  (let ((saved default-width))
    (dynamic-wind
      (lambda () (set! default-width width))
      (lambda () body ...)
      (lambda () (set! default-width saved)))))

(define (blank? char)
  (or (char=? char #\space)
      (char=? char #\tab)
      (char=? char #\newline)))

(define (split text)
  "The words of a text, without the white space between them."
  (let loop ((chars (string->list text)) (word '()) (words '()))
    (define (finish)
      (if (null? word)
          words
          (cons (list->string (reverse word)) words)))
    (cond ((null? chars) (reverse (finish)))
          ((blank? (car chars)) (loop (cdr chars) '() (finish)))
          (else (loop (cdr chars) (cons (car chars) word) words)))))

(define (break-word word width)
  (if (<= (string-length word) width)
      (list word)
      (let ((head (substring word 0 (- width 1)))
            (rest (substring word (- width 1))))
        (cons (string-append head *hyphen*)
              (break-word rest width)))))

(define* (wrap-text text #:key (width default-width) (indent 0))
  (define margin (make-string indent #\space))
  (define room (- width indent))

  (define (add word lines)
    (match lines
      (() (list word))
      ((line . rest)
       (if (<= (+ (string-length line) 1 (string-length word)) room)
           (cons (string-append line " " word) rest)
           (cons word lines)))))

  (let* ((words (append-map (lambda (word) (break-word word room))
                            (split text)))
         (lines (reverse (fold add '() words))))
    (map (lambda (line) (string-append margin line)) lines)))

(define (longest-line lines)
  (fold (lambda (line most) (max most (string-length line)))
        0
        lines))

(define (justify line width)
  (let* ((words (split line))
         (gaps (- (length words) 1))
         (letters (apply + (map string-length words))))
    (if (< gaps 1)
        line
        (let-values (((each extra) (floor/ (- width letters) gaps)))
          (let loop ((words words) (extra extra))
            (if (null? (cdr words))
                (car words)
                (string-append
                 (car words)
                 (make-string (+ each (if (> extra 0) 1 0)) #\space)
                 (loop (cdr words) (- extra 1)))))))))

(define print-lines
  (case-lambda
    ((lines) (print-lines lines (current-output-port)))
    ((lines port)
     (for-each (lambda (line)
                 (display line port)
                 (newline port))
               lines))))

(define (main args)
  (with-width 40
    (print-lines (wrap-text (string-join (cdr args) " ")))
    (let ((shown 0))
      (while (< shown 3)
        (set! shown (+ shown 1)))
      shown)))
