;;; support.el --- What the tests of AID's Emacs package share  -*- lexical-binding: t; -*-

;;; Commentary:

;; The machine is made by test_emacs.py; what a test needs of it is asked for over the standard
;; output and answered on the standard input.  Nothing here sleeps: `aid-test-wait' serves what the
;; daemon says until a condition holds.

;;; Code:

(require 'ert)
(require 'json)
(require 'aid)

(defvar aid-test-root (file-name-as-directory (file-truename (getenv "AID_TEST_ROOT")))
  "The workspace.")

(defvar aid-test-said nil
  "What `message' was given, the last one first.")

(setq make-backup-files nil create-lockfiles nil vc-handled-backends '(Git) enable-local-variables :safe)

(defun aid-test--remember (format &rest arguments)
  "Remember a message of FORMAT and ARGUMENTS."
  (when format (push (apply #'format-message format arguments) aid-test-said)))
(advice-add 'message :before #'aid-test--remember)

(defmacro aid-deftest (name () &rest body)
  "Define the test NAME, which does BODY in the workspace."
  (declare (indent 2))
  `(ert-deftest ,name ()
     (let ((default-directory aid-test-root))
       ,@body)))

(defun aid-test-run (name)
  "Run the test NAME and exit."
  (setq aid-test-said nil)
  (ert-run-tests-batch-and-exit name))

(defun aid-test-ask (what &rest given)
  "Ask WHAT of the machine, with what is GIVEN."
  (princ (format "@aid %s\n" (json-encode (vconcat (list what) given))) #'external-debugging-output)
  (let ((json-object-type 'plist) (json-array-type 'list))
    (json-read-from-string (read-from-minibuffer ""))))

(defun aid-test-replies (&rest lines)
  "Have the model answer by LINES from now on."
  (apply #'aid-test-ask "replies" lines))

(defun aid-test-wait (what condition)
  "Serve what comes until CONDITION, a function, holds, and return its value.  WHAT names it."
  (let ((deadline (time-add nil 30)) (value nil))
    (while (not (setq value (funcall condition)))
      (when (time-less-p deadline nil)
        (ert-fail (list 'never what (seq-take aid-test-said 10)
                        (mapcar #'buffer-name (buffer-list)) (buffer-string))))
      (accept-process-output nil 0.05))
    value))

(defun aid-test-said (regexp)
  "Wait for a message that REGEXP matches, and forget the others."
  (aid-test-wait regexp (lambda () (seq-find (lambda (said) (string-match-p regexp said)) aid-test-said)))
  (setq aid-test-said nil))

(defun aid-test-open (path)
  "Visit PATH of the workspace in `aid-mode'; return its buffer, once the daemon knows it."
  (with-current-buffer (find-file-noselect (expand-file-name path aid-test-root))
    (unless aid-mode (aid-mode 1))
    (aid-test-wait path (lambda () aid--document))
    (current-buffer)))

(defun aid-test-disk (path)
  "Return what is in the file PATH of the workspace."
  (with-temp-buffer
    (insert-file-contents (expand-file-name path aid-test-root))
    (buffer-string)))

(defun aid-test-text (buffer)
  "Return the text of BUFFER."
  (with-current-buffer buffer (buffer-string)))

(defun aid-test-chat ()
  "Return the chat, which is current from now on."
  (aid-chat)
  (set-buffer (window-buffer)))

(defun aid-test-send (prompt)
  "Type PROMPT in the chat and send it."
  (goto-char (point-max))
  (insert prompt)
  (aid-chat-send))

(defun aid-test-answered ()
  "Wait for the answer in the chat."
  (aid-test-wait "an answer" (lambda () (not (aid-asked-from (current-buffer))))))

(defun aid-test-at (text)
  "Go to the line of TEXT, the first one from the top."
  (goto-char (point-min))
  (search-forward text)
  (beginning-of-line))

(provide 'support)
;;; support.el ends here
