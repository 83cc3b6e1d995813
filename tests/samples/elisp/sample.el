;;; agenda-lite.el --- A small agenda in a buffer -*- lexical-binding: t -*-

;;; Commentary:

;; Keeps dated entries in a file and shows those of the next days.

;;; Code:

(require 'cl-lib)
(require 'subr-x)

(defgroup agenda-lite nil
  "A small agenda."
  :group 'calendar)

(defcustom agenda-lite-file "~/agenda"
  "Where the entries are kept."
  :type 'file)

(defcustom agenda-lite-days 7
  "How many days are shown."
  :type 'integer)

(defface agenda-lite-today '((t :inherit bold))
  "Face of the present day.")

(defvar agenda-lite--entries nil
  "All entries, the earliest first.")

(defconst agenda-lite--line "^\\([0-9-]+\\) \\(.*\\)$")

(defvar agenda-lite-mode-map
  (let ((map (make-sparse-keymap)))
    (define-key map (kbd "g") #'agenda-lite-refresh)
    (define-key map (kbd "a") #'agenda-lite-add)
    map))

(cl-defstruct agenda-lite-entry
  "One entry of the agenda."
  date
  text
  (done nil))

(defmacro agenda-lite--with-file (&rest body)
  "Evaluate BODY in a buffer with the agenda file."
  (declare (indent 0))
  `(with-temp-buffer
     (when (file-exists-p agenda-lite-file)
       (insert-file-contents agenda-lite-file))
     ,@body))

(defun agenda-lite--parse ()
  "The entries of the present buffer."
  (let (entries)
    (goto-char (point-min))
    (while (re-search-forward agenda-lite--line nil t)
      (push (make-agenda-lite-entry
             :date (match-string 1)
             :text (match-string 2))
            entries))
    (nreverse entries)))

(defun agenda-lite--load ()
  (setq agenda-lite--entries
        (sort (agenda-lite--with-file (agenda-lite--parse))
              (lambda (a b)
                (string< (agenda-lite-entry-date a)
                         (agenda-lite-entry-date b))))))

(cl-defun agenda-lite--between (from to &key (entries agenda-lite--entries))
  "Those of ENTRIES whose date lies from FROM to TO."
  (cl-remove-if-not
   (lambda (entry)
     (let ((date (agenda-lite-entry-date entry)))
       (and (not (string< date from))
            (not (string< to date)))))
   entries))

(defsubst agenda-lite--day (offset)
  (format-time-string "%F" (time-add nil (days-to-time offset))))

(defun agenda-lite--insert (entry)
  (let ((date (agenda-lite-entry-date entry)))
    (insert (if (equal date (agenda-lite--day 0))
                (propertize date 'face 'agenda-lite-today)
              date)
            "  " (agenda-lite-entry-text entry) "\n")))

;;;###autoload
(defun agenda-lite ()
  "Show the agenda."
  (interactive)
  (agenda-lite--load)
  (with-current-buffer (get-buffer-create "*agenda*")
    (agenda-lite-mode)
    (let ((inhibit-read-only t))
      (erase-buffer)
      (mapc #'agenda-lite--insert
            (agenda-lite--between (agenda-lite--day 0)
                                  (agenda-lite--day agenda-lite-days))))
    (pop-to-buffer (current-buffer))))

(defun agenda-lite-refresh ()
  (interactive)
  (agenda-lite))

(defun agenda-lite-add (date text)
  "Add an entry for DATE with TEXT."
  (interactive "sDate: \nsText: ")
  (write-region (concat date " " text "\n") nil agenda-lite-file t)
  (agenda-lite-refresh))

(define-derived-mode agenda-lite-mode special-mode "Agenda"
  "Major mode of the agenda.")

(provide 'agenda-lite)
;;; agenda-lite.el ends here
